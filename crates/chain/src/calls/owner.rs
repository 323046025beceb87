//! What the owner of a subnet decides, and what accounts and subnets say about themselves.

use crate::at::number;
use crate::call::Call;
use crate::items::calls;
use serde::{Deserialize, Serialize};
use subxt::dynamic::Value;

/// What a coldkey says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Its name.
    pub name: Text,
    /// A page about it.
    pub url: Text,
    /// Where its code is.
    pub github_repo: Text,
    /// Address of a picture.
    pub image: Text,
    /// Where to talk to it.
    pub discord: Text,
    /// A few sentences.
    pub description: Text,
    /// Anything else.
    pub additional: Text,
}

/// What a subnet says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetIdentity {
    /// Its name.
    pub subnet_name: Text,
    /// Where its code is.
    pub github_repo: Text,
    /// How to reach its owner.
    pub subnet_contact: Text,
    /// A page about it.
    pub subnet_url: Text,
    /// Where to talk about it.
    pub discord: Text,
    /// A few sentences.
    pub description: Text,
    /// Address of a picture.
    pub logo_url: Text,
    /// Anything else.
    pub additional: Text,
}

/// Text as the chain stores it: bytes that are UTF-8 by custom only.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(Vec<u8>);

impl Text {
    /// The text, with a mark in place of what is no UTF-8.
    pub fn as_str(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    fn value(&self) -> Value {
        Value::from_bytes(&self.0)
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Text(text.as_bytes().to_vec())
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

/// An [`Identity`] as the chain stores it.
#[derive(subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub(crate) struct StoredIdentity {
    name: Vec<u8>,
    url: Vec<u8>,
    github_repo: Vec<u8>,
    image: Vec<u8>,
    discord: Vec<u8>,
    description: Vec<u8>,
    additional: Vec<u8>,
}

impl From<StoredIdentity> for Identity {
    fn from(stored: StoredIdentity) -> Self {
        Identity {
            name: Text(stored.name),
            url: Text(stored.url),
            github_repo: Text(stored.github_repo),
            image: Text(stored.image),
            discord: Text(stored.discord),
            description: Text(stored.description),
            additional: Text(stored.additional),
        }
    }
}

/// A [`SubnetIdentity`] as the chain stores it.
#[derive(subxt::ext::scale_decode::DecodeAsType)]
#[decode_as_type(crate_path = "subxt::ext::scale_decode")]
pub(crate) struct StoredSubnetIdentity {
    subnet_name: Vec<u8>,
    github_repo: Vec<u8>,
    subnet_contact: Vec<u8>,
    subnet_url: Vec<u8>,
    discord: Vec<u8>,
    description: Vec<u8>,
    logo_url: Vec<u8>,
    additional: Vec<u8>,
}

impl From<StoredSubnetIdentity> for SubnetIdentity {
    fn from(stored: StoredSubnetIdentity) -> Self {
        SubnetIdentity {
            subnet_name: Text(stored.subnet_name),
            github_repo: Text(stored.github_repo),
            subnet_contact: Text(stored.subnet_contact),
            subnet_url: Text(stored.subnet_url),
            discord: Text(stored.discord),
            description: Text(stored.description),
            logo_url: Text(stored.logo_url),
            additional: Text(stored.additional),
        }
    }
}

impl SubnetIdentity {
    fn fields(&self) -> [(&'static str, &Text); 8] {
        [
            ("subnet_name", &self.subnet_name),
            ("github_repo", &self.github_repo),
            ("subnet_contact", &self.subnet_contact),
            ("subnet_url", &self.subnet_url),
            ("discord", &self.discord),
            ("description", &self.description),
            ("logo_url", &self.logo_url),
            ("additional", &self.additional),
        ]
    }

    pub(crate) fn value(&self) -> Value {
        Value::named_composite(self.fields().map(|(name, text)| (name, text.value())))
    }
}

impl Call {
    /// Sets the number of blocks between epochs, 360 to 50400, as the subnet's owner. Starts a new cycle.
    pub fn set_tempo(netuid: u16, blocks: u16) -> Call {
        Call::quick("set_tempo", calls::SET_TEMPO.with([number(netuid), number(blocks)]))
    }

    /// Runs an epoch as soon as possible, as the subnet's owner. Refused while weights are committed first.
    pub fn trigger_epoch(netuid: u16) -> Call {
        Call::quick("trigger_epoch", calls::TRIGGER_EPOCH.with([number(netuid)]))
    }

    /// Sets after how many thousandths of a tempo without weights a neuron counts as inactive, 1000 to 50000.
    pub fn set_activity_cutoff_factor(netuid: u16, thousandths: u32) -> Call {
        let args = [number(netuid), number(thousandths)];
        Call::quick(
            "set_activity_cutoff_factor",
            calls::SET_ACTIVITY_CUTOFF_FACTOR.with(args),
        )
    }

    /// Says who the signing coldkey is.
    pub fn set_identity(identity: &Identity) -> Call {
        let args = [
            identity.name.value(),
            identity.url.value(),
            identity.github_repo.value(),
            identity.image.value(),
            identity.discord.value(),
            identity.description.value(),
            identity.additional.value(),
        ];
        Call::quick("set_identity", calls::SET_IDENTITY.with(args))
    }

    /// Says what a subnet is, as its owner.
    pub fn set_subnet_identity(netuid: u16, identity: &SubnetIdentity) -> Call {
        let [a, b, c, d, e, f, g, h] = identity.fields().map(|(_, text)| text.value());
        let args = [number(netuid), a, b, c, d, e, f, g, h];
        Call::quick("set_subnet_identity", calls::SET_SUBNET_IDENTITY.with(args))
    }
}
