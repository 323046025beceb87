//! Error codes and texts as Substrate nodes give them, since clients decide by them.

use jsonrpsee::types::{ErrorObject, ErrorObjectOwned};
use sp_runtime::transaction_validity::{InvalidTransaction, TransactionValidityError, UnknownTransaction};

use crate::{
    chain::QueryError,
    pool::Refused,
    seal::{SealError, with_cause},
};

const BAD_FORMAT: i32 = 1001;
const VERIFICATION: i32 = 1002;
const INVALID_TRANSACTION: i32 = 1010;
const UNKNOWN_VALIDITY: i32 = 1011;
const ALREADY_IMPORTED: i32 = 1013;
const TOO_LOW_PRIORITY: i32 = 1014;
const IMMEDIATELY_DROPPED: i32 = 1016;
const COUNT_TOO_LARGE: i32 = 4002;
const CLIENT: i32 = 4003;
const DEV: i32 = 9000;

fn error(code: i32, message: impl Into<String>, data: Option<String>) -> ErrorObjectOwned {
    ErrorObject::owned(code, message, data)
}

/// A state gave no answer.
pub fn query(failure: QueryError) -> ErrorObjectOwned {
    error(CLIENT, format!("Client error: {failure}"), None)
}

/// More keys at once than are given.
pub fn count_too_large(count: u32, max: u32) -> ErrorObjectOwned {
    error(
        COUNT_TOO_LARGE,
        format!("count exceeds maximum value. value: {count}, max: {max}"),
        None,
    )
}

/// The bytes are no transaction.
pub fn bad_format(detail: impl std::fmt::Display) -> ErrorObjectOwned {
    error(BAD_FORMAT, format!("Extrinsic has invalid format: {detail}"), None)
}

/// The runtime could not judge the transaction.
pub fn verification(failure: QueryError) -> ErrorObjectOwned {
    error(
        VERIFICATION,
        "Verification Error",
        Some(format!("Runtime error: {failure}")),
    )
}

/// The runtime called the transaction invalid.
pub fn validity(failure: TransactionValidityError) -> ErrorObjectOwned {
    match failure {
        TransactionValidityError::Invalid(InvalidTransaction::Custom(code)) => error(
            INVALID_TRANSACTION,
            "Invalid Transaction",
            Some(format!("Custom error: {code}")),
        ),
        TransactionValidityError::Invalid(reason) => {
            let text: &'static str = reason.into();
            error(INVALID_TRANSACTION, "Invalid Transaction", Some(text.to_owned()))
        }
        TransactionValidityError::Unknown(UnknownTransaction::Custom(code)) => error(
            UNKNOWN_VALIDITY,
            "Unknown Transaction Validity",
            Some(format!("Custom error: {code}")),
        ),
        TransactionValidityError::Unknown(reason) => {
            let text: &'static str = reason.into();
            error(UNKNOWN_VALIDITY, "Unknown Transaction Validity", Some(text.to_owned()))
        }
    }
}

/// A transaction that nothing tells apart from its repetition.
pub fn no_tags() -> ErrorObjectOwned {
    let text = "Transaction does not provide any tags, so the pool can't identify it";
    error(INVALID_TRANSACTION, "Invalid Transaction", Some(text.to_owned()))
}

/// The pool did not take the transaction.
pub fn refused(reason: Refused) -> ErrorObjectOwned {
    match reason {
        Refused::AlreadyImported(hash) => error(
            ALREADY_IMPORTED,
            "Transaction Already Imported",
            Some(format!("[{hash:?}]")),
        ),
        Refused::TooLowPriority { old, new } => error(
            TOO_LOW_PRIORITY,
            format!("Priority is too low: ({old} vs {new})"),
            Some("The transaction has too low priority to replace another transaction already in the pool.".to_owned()),
        ),
        Refused::Full => error(
            IMMEDIATELY_DROPPED,
            "Immediately Dropped",
            Some("The transaction couldn't enter the pool because of the limit".to_owned()),
        ),
    }
}

/// A block that was asked for could not be made.
pub fn seal(failure: SealError) -> ErrorObjectOwned {
    error(DEV, "No block was made", Some(with_cause(&failure)))
}
