//! The task-validation penalty: what the criteria of the task take.

use async_trait::async_trait;

use crate::error::RewardError;
use crate::pipeline::Penalty;
use crate::task::Task;

/// `task_validation_penalty`: the sum over the task's criteria.
#[derive(Debug, Clone, Copy)]
pub struct TaskValidation {
    max: f64,
}

impl TaskValidation {
    /// The share it may take on the running network.
    pub const DEFAULT_MAX: f64 = 0.6;

    /// Takes at most `max` of a reward.
    pub fn new(max: f64) -> Self {
        Self { max }
    }
}

#[async_trait]
impl Penalty for TaskValidation {
    fn name(&self) -> &'static str {
        "task_validation_penalty"
    }

    fn max(&self) -> f64 {
        self.max
    }

    async fn raw(&self, task: &Task, completions: &[String]) -> Result<Vec<f64>, RewardError> {
        let sum = |completion: &String| {
            task.criteria
                .iter()
                .map(|criterion| criterion.penalty(completion))
                .sum()
        };
        Ok(completions.iter().map(sum).collect())
    }
}
