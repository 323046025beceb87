//! What the author asks the runtime about encrypted transactions.

use crate::envelope::{ShieldedTransaction, KEY_HASH_LEN};
use sp_runtime::traits::Block as BlockT;

type ExtrinsicOf<Block> = <Block as BlockT>::Extrinsic;

sp_api::decl_runtime_apis! {
    /// Encrypted transactions.
    pub trait ShieldApi {
        fn try_decode_shielded_tx(uxt: ExtrinsicOf<Block>) -> Option<ShieldedTransaction>;
        fn is_shielded_using_current_key(key_hash: [u8; KEY_HASH_LEN]) -> bool;
        fn try_unshield_tx(dec_key_bytes: Vec<u8>, shielded_tx: ShieldedTransaction) -> Option<ExtrinsicOf<Block>>;
    }
}
