//! The shipped functions and the pipeline against vectors from the existing network's programs.
//!
//! | vectors | tests |
//! | --- | --- |
//! | `reward_normalization` | `normalise`, `pipeline::one_function_is_applied_as_in_the_network` |
//! | `reward_weights` | `normalise::weights_are_accepted_when_they_sum_to_one_within_the_tolerance` |
//! | `dpo` | `dpo` |
//! | `prompt_scoring` | `prompt_based` |
//! | `ngram_blacklist`, `ngram_vocab` | `ngram` |
//! | `relevance` | `relevance` |
//! | `diversity` | `diversity`, `predecessor::diversity_may_multiply_instead_of_mask` |
//! | `nsfw` | `nsfw::the_worst_chunk_decides_as_in_the_network` |
//! | `core_validator` | its `message_filter` in `nsfw`, its `reward_difference` in `functions`; the rest is the validator's |
//! | `penalties` | `penalties`, `predecessor::labels_mask_as_the_keyword_penalty_punishes_except_for_headings` |
//! | `step` | `pipeline::three_whole_steps_give_the_rewards_and_fields_of_the_network` |
//! | `minilm_real` | `real` (with the real weights), `diversity` (with their cosines) |
//!
//! `gating` is in `axoneme-gating`; `tasks`, `flow`, `completions`, `schedule`, `state` and the rest in `validator`. The tiny
//! models of every architecture are in `tiny`, what the network does wrong and this crate does not in `defects`.

mod defects;
mod diversity;
mod dpo;
mod functions;
mod memory;
mod ngram;
mod normalise;
mod nsfw;
mod penalties;
mod pipeline;
mod predecessor;
mod prompt_based;
mod real;
mod relevance;
mod support;
mod tiny;
