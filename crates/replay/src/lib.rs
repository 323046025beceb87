//! Nonce stores that outlive a process, or that several processes share.
