//! What a server says about itself.

use serde_json::Value;

/// Most servers take 32 inputs at once unless told otherwise.
const USUAL_BATCH: usize = 32;
/// More is not a limit anybody set.
const LARGEST_BATCH: u64 = 65_536;

/// The answer of `/info`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteInfo {
    /// Name of the model.
    pub model: String,
    /// Revision of the model, if the server knows it.
    pub revision: Option<String>,
    /// What the model does.
    pub kind: RemoteKind,
    /// Tokens of an input at most.
    pub max_input_length: usize,
    /// Inputs of a request at most.
    pub max_client_batch_size: usize,
}

/// What a server's model does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemoteKind {
    /// One vector per text.
    Embedding,
    /// One number per label and text.
    Classifier {
        /// Names of the labels, in their order.
        labels: Vec<String>,
    },
    /// One number per pair.
    Reranker {
        /// Its one label.
        labels: Vec<String>,
    },
}

impl RemoteInfo {
    pub(super) fn read(json: &Value) -> Result<Self, String> {
        let model = json["model_id"]
            .as_str()
            .ok_or("/info names no model_id; is this text-embeddings-inference?")?;
        let kind = &json["model_type"];
        // Written `{"classifier": {…}}`; early versions wrote the bare word for embeddings.
        let kind = if kind.get("embedding").is_some() || kind == "embedding" {
            RemoteKind::Embedding
        } else if let Some(classifier) = kind.get("classifier") {
            RemoteKind::Classifier {
                labels: labels(classifier)?,
            }
        } else if let Some(reranker) = kind.get("reranker") {
            RemoteKind::Reranker {
                labels: labels(reranker)?,
            }
        } else {
            return Err(format!("a model of type {kind} is not known here"));
        };
        let size = |field: &str| json[field].as_u64().filter(|size| (1..=LARGEST_BATCH).contains(size));
        let length = json["max_input_length"]
            .as_u64()
            .and_then(|length| usize::try_from(length).ok());
        Ok(Self {
            model: model.to_owned(),
            revision: json["model_sha"].as_str().map(str::to_owned),
            kind,
            max_input_length: length.ok_or("/info has no max_input_length")?,
            max_client_batch_size: size("max_client_batch_size")
                .and_then(|size| usize::try_from(size).ok())
                .unwrap_or(USUAL_BATCH),
        })
    }
}

fn labels(json: &Value) -> Result<Vec<String>, String> {
    let map = json["id2label"].as_object().ok_or("/info has no id2label")?;
    let mut labels: Vec<String> = Vec::with_capacity(map.len());
    for index in 0..map.len() {
        let label = map.get(&index.to_string()).and_then(Value::as_str);
        let label = label.ok_or_else(|| format!("/info has no label {index}"))?;
        if labels.iter().any(|known| known == label) {
            return Err(format!("/info has two labels {label:?}, and scores come by label"));
        }
        labels.push(label.to_owned());
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_of_model_is_understood() {
        let info = |kind: Value| json!({"model_id": "m", "model_type": kind, "max_input_length": 512});
        let labels = json!({"id2label": {"1": "bad", "0": "good"}});
        let read = RemoteInfo::read(&info(json!({"classifier": labels}))).unwrap();
        assert_eq!(
            read.kind,
            RemoteKind::Classifier {
                labels: vec!["good".into(), "bad".into()]
            }
        );
        assert_eq!((read.max_client_batch_size, read.max_input_length), (32, 512));
        assert_eq!(
            RemoteInfo::read(&info(json!({"embedding": {"pooling": "mean"}})))
                .unwrap()
                .kind,
            RemoteKind::Embedding
        );
        assert_eq!(
            RemoteInfo::read(&info(json!("embedding"))).unwrap().kind,
            RemoteKind::Embedding
        );
        for wrong in [
            json!({"classifier": {"id2label": {"0": "a", "1": "a"}}}),
            json!({"splade": {}}),
            json!({"reranker": {"id2label": {"3": "a"}}}),
        ] {
            assert!(RemoteInfo::read(&info(wrong)).is_err());
        }
        assert!(RemoteInfo::read(&json!({"hello": 1})).unwrap_err().contains("model_id"));
    }
}
