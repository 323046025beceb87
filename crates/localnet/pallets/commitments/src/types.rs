//! What a commitment is made of, with the main chain's layout.

use codec::{Decode, DecodeWithMemTracking, Encode, Error, Input, MaxEncodedLen, Output};
use frame_support::{traits::ConstU32, BoundedVec};
use scale_info::{
    build::{Fields, Variants},
    Path, Type, TypeInfo,
};

/// Most fields of a commitment.
pub const MAX_FIELDS: u32 = 3;
/// Longest plain field whose length is in its tag, bytes.
const MAX_RAW: usize = 128;
/// Longest plain field, bytes.
const MAX_BIG_RAW: u32 = 512;
/// Longest timelocked field, bytes.
const MAX_TIMELOCKED: u32 = 1_024;

/// One field of a commitment. The first byte says what follows; plain bytes up to 128 have their length in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Data {
    /// Nothing.
    #[default]
    None,
    /// Up to 128 bytes.
    Raw(BoundedVec<u8, ConstU32<{ MAX_RAW as u32 }>>),
    /// A blake2b-256 hash.
    BlakeTwo256([u8; 32]),
    /// A SHA-2 hash.
    Sha256([u8; 32]),
    /// A Keccak hash.
    Keccak256([u8; 32]),
    /// A SHA-3 hash.
    ShaThree256([u8; 32]),
    /// Bytes that can be read once a beacon has reached a round.
    TimelockEncrypted {
        /// Ciphertext.
        encrypted: BoundedVec<u8, ConstU32<MAX_TIMELOCKED>>,
        /// Round of the beacon.
        reveal_round: u64,
    },
    /// Asks for bonds to start anew.
    ResetBondsFlag,
    /// Up to 512 bytes.
    BigRaw(BoundedVec<u8, ConstU32<MAX_BIG_RAW>>),
}

impl Data {
    /// Number of bytes that count against the limit.
    pub fn len(&self) -> usize {
        match self {
            Self::None | Self::ResetBondsFlag => 0,
            Self::Raw(bytes) => bytes.len(),
            Self::BigRaw(bytes) => bytes.len(),
            Self::TimelockEncrypted { encrypted, .. } => encrypted.len(),
            Self::BlakeTwo256(_) | Self::Sha256(_) | Self::Keccak256(_) | Self::ShaThree256(_) => 32,
        }
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Encode for Data {
    fn encode_to<O: Output + ?Sized>(&self, out: &mut O) {
        match self {
            Self::None => out.push_byte(0),
            Self::Raw(bytes) => {
                out.push_byte(bytes.len() as u8 + 1); // at most 128
                out.write(bytes);
            }
            Self::BlakeTwo256(hash) => (130u8, hash).encode_to(out),
            Self::Sha256(hash) => (131u8, hash).encode_to(out),
            Self::Keccak256(hash) => (132u8, hash).encode_to(out),
            Self::ShaThree256(hash) => (133u8, hash).encode_to(out),
            Self::TimelockEncrypted {
                encrypted,
                reveal_round,
            } => (134u8, encrypted, reveal_round).encode_to(out),
            Self::ResetBondsFlag => out.push_byte(135),
            Self::BigRaw(bytes) => (136u8, bytes).encode_to(out),
        }
    }
}

impl Decode for Data {
    fn decode<I: Input>(input: &mut I) -> Result<Self, Error> {
        Ok(match input.read_byte()? {
            0 => Self::None,
            tag @ 1..=129 => {
                let mut bytes = vec![0; usize::from(tag) - 1];
                input.read(&mut bytes)?;
                Self::Raw(bytes.try_into().map_err(|_| "a plain field has at most 128 bytes")?)
            }
            130 => Self::BlakeTwo256(Decode::decode(input)?),
            131 => Self::Sha256(Decode::decode(input)?),
            132 => Self::Keccak256(Decode::decode(input)?),
            133 => Self::ShaThree256(Decode::decode(input)?),
            134 => Self::TimelockEncrypted {
                encrypted: Decode::decode(input)?,
                reveal_round: Decode::decode(input)?,
            },
            135 => Self::ResetBondsFlag,
            136 => Self::BigRaw(Decode::decode(input)?),
            _ => return Err("no such kind of field".into()),
        })
    }
}

impl DecodeWithMemTracking for Data {}

impl MaxEncodedLen for Data {
    fn max_encoded_len() -> usize {
        // Tag, compact length, ciphertext, round.
        1 + 2 + MAX_TIMELOCKED as usize + 8
    }
}

/// Adds one variant per length of plain bytes, which is how clients know them.
macro_rules! raw_variants {
    ($variants:expr, $($length:literal)*) => {
        $variants$(.variant(concat!("Raw", stringify!($length)), |v| {
            v.index($length + 1).fields(Fields::unnamed().field(|f| f.ty::<[u8; $length]>()))
        }))*
    };
}

impl TypeInfo for Data {
    type Identity = Self;

    fn type_info() -> Type {
        let variants = Variants::new().variant("None", |v| v.index(0));
        let variants = raw_variants!(variants,
            0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
            32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60
            61 62 63 64 65 66 67 68 69 70 71 72 73 74 75 76 77 78 79 80 81 82 83 84 85 86 87 88 89
            90 91 92 93 94 95 96 97 98 99 100 101 102 103 104 105 106 107 108 109 110 111 112 113
            114 115 116 117 118 119 120 121 122 123 124 125 126 127 128
        );
        let hashes = [
            ("BlakeTwo256", 130),
            ("Sha256", 131),
            ("Keccak256", 132),
            ("ShaThree256", 133),
        ];
        let variants = hashes.into_iter().fold(variants, |variants, (name, index)| {
            variants.variant(name, |v| {
                v.index(index).fields(Fields::unnamed().field(|f| f.ty::<[u8; 32]>()))
            })
        });
        let variants = variants
            .variant("TimelockEncrypted", |v| {
                v.index(134).fields(
                    Fields::named()
                        .field(|f| f.name("encrypted").ty::<BoundedVec<u8, ConstU32<MAX_TIMELOCKED>>>())
                        .field(|f| f.name("reveal_round").ty::<u64>()),
                )
            })
            .variant("ResetBondsFlag", |v| v.index(135))
            .variant("BigRaw", |v| {
                v.index(136)
                    .fields(Fields::unnamed().field(|f| f.ty::<BoundedVec<u8, ConstU32<MAX_BIG_RAW>>>()))
            });
        Type::builder()
            .path(Path::new("Data", module_path!()))
            .variant(variants)
    }
}

/// What a hotkey states.
#[derive(Encode, Decode, DecodeWithMemTracking, TypeInfo, MaxEncodedLen, Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitmentInfo {
    /// Up to three fields.
    pub fields: BoundedVec<Data, ConstU32<MAX_FIELDS>>,
}

/// A statement as it is kept.
#[derive(Encode, Decode, TypeInfo, MaxEncodedLen, Clone, Debug, PartialEq, Eq)]
pub struct Registration<Balance, BlockNumber> {
    /// Deposit, rao; always 0.
    pub deposit: Balance,
    /// Block of the call.
    pub block: BlockNumber,
    /// Statement.
    pub info: CommitmentInfo,
}

/// Bytes used in an epoch.
#[derive(Encode, Decode, TypeInfo, MaxEncodedLen, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageTracker {
    /// Index of the epoch.
    pub last_epoch: u64,
    /// Bytes.
    pub used_space: u64,
}
