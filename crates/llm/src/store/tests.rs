//! The store without a network: a small wheel made here stands for the real ones.
