//! Event records on disk, and runs that the wandb tool accepts.
