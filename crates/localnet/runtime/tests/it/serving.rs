use crate::chain::*;
use node_subtensor_runtime::Runtime;
use pallet_subtensor::*;

fn axon(netuid: u16, ip: u128, ip_type: u8, port: u16) -> Call<Runtime> {
    Call::serve_axon {
        netuid,
        version: 7,
        ip,
        port,
        ip_type,
        protocol: 4,
        placeholder1: 0,
        placeholder2: 0,
    }
}

#[test]
fn a_miner_says_where_it_serves() {
    on_chain(|| {
        let netuid = subnet();
        register(netuid, "miner");
        assert_eq!(call("miner", axon(netuid, 0x0a00_0001, 4, 8091)), Ok(()));
        happened(Event::AxonServed(netuid, account("miner")));
        let stored = Axons::<Runtime>::get(netuid, account("miner")).expect("it has been stored");
        assert_eq!(
            (stored.ip, stored.port, stored.ip_type, stored.protocol, stored.version),
            (0x0a00_0001, 8091, 4, 4, 7)
        );
        assert_eq!(stored.block, 1);
    });
}

#[test]
fn what_forbids_serving_is_named() {
    on_chain(|| {
        let netuid = subnet();
        register(netuid, "miner");
        refused(
            call("stranger", axon(netuid, 1, 4, 1)),
            Error::HotKeyNotRegisteredInNetwork,
        );
        refused(call("miner", axon(netuid, 1, 5, 1)), Error::InvalidIpType);
        for (ip, ip_type) in [(0x7f00_0001, 4), (0xffff_ffff, 4), (1 << 40, 4), (1, 6), (u128::MAX, 6)] {
            refused(call("miner", axon(netuid, ip, ip_type, 1)), Error::InvalidIpAddress);
        }
        refused(call("miner", axon(netuid, 0x0808_0808, 4, 0)), Error::InvalidPort);
        // Zero is allowed for axons and refused for metrics.
        let prometheus = Call::serve_prometheus {
            netuid,
            version: 1,
            ip: 0,
            port: 1,
            ip_type: 4,
        };
        refused(call("miner", prometheus), Error::InvalidIpAddress);
        assert_eq!(call("miner", axon(netuid, 0, 4, 1)), Ok(()));
    });
}

#[test]
fn serving_again_has_to_wait() {
    on_chain(|| {
        let netuid = subnet();
        register(netuid, "miner");
        assert_eq!(call("miner", axon(netuid, 0x0808_0808, 4, 1)), Ok(()));
        next_blocks(49);
        refused(
            call("miner", axon(netuid, 0x0808_0808, 4, 2)),
            Error::ServingRateLimitExceeded,
        );
        next_blocks(1);
        assert_eq!(call("miner", axon(netuid, 0x0808_0808, 4, 2)), Ok(()));
        // Metrics have a limit of their own.
        let prometheus = Call::serve_prometheus {
            netuid,
            version: 1,
            ip: 9,
            port: 1,
            ip_type: 4,
        };
        assert_eq!(call("miner", prometheus), Ok(()));
    });
}

#[test]
fn a_certificate_is_stored_with_its_algorithm() {
    on_chain(|| {
        let netuid = subnet();
        register(netuid, "miner");
        let certificate = vec![4, 1, 2, 3];
        let tls = Call::serve_axon_tls {
            netuid,
            version: 1,
            ip: 9,
            port: 1,
            ip_type: 4,
            protocol: 4,
            placeholder1: 0,
            placeholder2: 0,
            certificate,
        };
        assert_eq!(call("miner", tls), Ok(()));
        let stored = NeuronCertificates::<Runtime>::get(netuid, account("miner")).expect("it has been stored");
        assert_eq!((stored.algorithm, stored.public_key.into_inner()), (4, vec![1, 2, 3]));
    });
}
