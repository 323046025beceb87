//! The runtime as its clients see it: blocks, signed transactions, calls, storage and runtime APIs.

#![allow(missing_docs)]

mod admin;
mod chain;
mod commit_reveal;
mod commitments;
mod drift;
mod epochs;
mod genesis;
mod registration;
mod serving;
mod staking;
mod subnets;
mod timelock;
mod transactions;
mod vectors;
mod weights;
