//! What is said at the start about functions that are switched off.

use validator::ValidatorConfig;
use validator::reward::left_out;

#[test]
fn what_the_network_judges_by_and_this_validator_does_not_is_one_line() {
    let mut config = ValidatorConfig::default();
    let said = left_out(&config).expect("two of them need models that do not ship");
    for flag in [
        "--reward.reciprocate_weight",
        "--reward.reciprocate_model",
        "--reward.nsfw_model",
    ] {
        assert!(said.contains(flag), "{flag}: {said}");
    }
    assert!(
        !said.contains("dpo") && !said.contains("diversity") && !said.contains('\n'),
        "{said}"
    );

    config.reward.dpo_weight = 0.6;
    config.reward.reciprocate_weight = 0.4;
    config.reward.reciprocate_model = Some("a folder".into());
    config.reward.nsfw_model = Some("a folder".into());
    assert_eq!(left_out(&config), None);
    // Those with weight 0 there as well are no loss.
    assert_eq!(
        (config.reward.rlhf_weight, config.reward.prompt_based_weight),
        (0.0, 0.0)
    );

    config.reward.dpo_weight = 0.0;
    config.reward.rlhf_weight = 0.6;
    config.neuron.blacklist_off = true;
    config.neuron.relevance_off = true;
    config.neuron.diversity_off = true;
    config.neuron.nsfw_off = true;
    let said = left_out(&config).expect("five of them");
    for flag in [
        "--reward.dpo_weight",
        "--neuron.blacklist_off",
        "--neuron.relevance_off",
        "--neuron.diversity_off",
        "--neuron.nsfw_off",
    ] {
        assert!(said.contains(flag), "{flag}: {said}");
    }
    assert!(!said.contains("reciprocate"), "{said}");
}
