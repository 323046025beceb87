use std::sync::Arc;
use std::time::Duration;

use axoneme_protocol::{Clock, ManualClock, NonceError, NonceStore, SystemClock};
use axoneme_replay::{RedisNonceStore, RedisTimes, ReplayError};
use axoneme_wallet::AccountId;

use crate::redis_server::RedisServer;
use crate::{CALLER, HORIZON, SECOND, claim, race};

const AXON: AccountId = AccountId([1; 32]);
const TIMES: RedisTimes = RedisTimes {
    claim: Duration::from_secs(3),
    connect: Duration::from_secs(3),
    retry: Duration::from_millis(100),
};

async fn open_for(server: &RedisServer, axon: &AccountId) -> Result<RedisNonceStore, ReplayError> {
    let clock = Arc::new(SystemClock::default());
    RedisNonceStore::open(&server.url(), clock, HORIZON, axon, TIMES).await
}

async fn open(server: &RedisServer) -> RedisNonceStore {
    open_for(server, &AXON).await.expect("usable")
}

/// Above what the store refuses after a server's start.
fn later() -> u64 {
    SystemClock::default().unix_ns() + 60 * SECOND
}

async fn until_back(store: &RedisNonceStore) {
    for _ in 0..400 {
        // A claim notices that something is wrong; the store itself looks only now and then.
        let _ = claim(store, later()).await;
        if store.is_connected() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the store did not come back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_replicas_exactly_one_gets_each_nonce() {
    let server = RedisServer::start(&[]);
    let mut stores: Vec<Arc<dyn NonceStore>> = Vec::new();
    for _ in 0..4 {
        stores.push(Arc::new(open(&server).await));
    }
    let first = later();
    let nonces: Vec<u64> = (0..300).map(|n| first + n).collect();
    assert_eq!(race(&stores, &nonces).await, vec![1; 300]);
    assert_eq!(
        claim(&open(&server).await, first).await,
        Err(NonceError::Replayed),
        "a replica that came later"
    );
}

#[tokio::test]
async fn axons_of_other_hotkeys_share_a_server_and_nothing_else() {
    let server = RedisServer::start(&[]);
    let (one, other) = (open(&server).await, open_for(&server, &CALLER).await.expect("usable"));
    let nonce = later();
    assert_eq!(claim(&one, nonce).await, Ok(()));
    assert_eq!(claim(&other, nonce).await, Ok(()));
    assert_eq!(claim(&one, nonce).await, Err(NonceError::Replayed));
}

#[tokio::test]
async fn keys_live_as_long_as_needed_and_not_for_ever() {
    let server = RedisServer::start(&[]);
    let store = open(&server).await;
    assert_eq!(claim(&store, later()).await, Ok(()));
    let keys: Vec<Vec<u8>> = server.command(&["KEYS", "*"]).await;
    assert_eq!(keys.len(), 2, "a nonce and the marker");
    let own = format!("axoneme:{{{AXON}}}:");
    assert!(keys.iter().all(|key| key.starts_with(own.as_bytes())));
    let retention = HORIZON.retention().as_millis();
    let mut lives = Vec::new();
    for key in &keys {
        lives.push(server.life(key).await);
    }
    lives.sort_unstable();
    let nonce = u128::try_from(lives[0]).expect("a time to live");
    assert!(nonce > retention && nonce <= 2 * retention, "{lives:?}");
    assert!(lives[1] > 0, "the marker goes too, when nobody looks");
}

#[tokio::test]
async fn a_killed_server_refuses_everything_and_after_its_restart_what_it_forgot() {
    let mut server = RedisServer::start(&[]);
    let store = open(&server).await;
    let used = SystemClock::default().unix_ns() + 5 * SECOND;
    assert_eq!(claim(&store, used).await, Ok(()));
    server.kill();
    for n in 1..20 {
        assert_eq!(claim(&store, used + n).await, Err(NonceError::StoreUnavailable));
    }
    assert!(!store.is_connected());
    // Nothing was saved: this server knows no nonce. It starts after the time that the used nonce names.
    while SystemClock::default().unix_ns() < used {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    server.start_again();
    until_back(&store).await;
    let refused = claim(&store, used).await;
    assert!(matches!(refused, Err(NonceError::Unknowable { .. })), "{refused:?}");
    let another = open(&server).await;
    assert!(matches!(
        claim(&another, used).await,
        Err(NonceError::Unknowable { .. })
    ));
    let fresh = later() + SECOND;
    assert_eq!(claim(&another, fresh).await, Ok(()));
    assert_eq!(claim(&store, fresh).await, Err(NonceError::Replayed), "shared again");
}

#[tokio::test]
async fn requests_signed_before_a_servers_first_start_cannot_be_told_from_replays() {
    let server = RedisServer::start(&[]);
    let store = open(&server).await;
    let refused = claim(&store, SystemClock::default().unix_ns())
        .await
        .expect_err("may have been used");
    assert!(refused.is_unavailable());
    let wait = refused.retry_after().expect("known");
    assert!(wait <= HORIZON.lead() + Duration::from_secs(2), "{wait:?}");
}

#[tokio::test]
async fn a_server_that_hangs_refuses_in_time_and_comes_back() {
    let server = RedisServer::start(&[]);
    let times = RedisTimes {
        claim: Duration::from_millis(200),
        connect: Duration::from_millis(500),
        retry: Duration::from_millis(100),
    };
    let clock = Arc::new(SystemClock::default());
    let store = RedisNonceStore::open(&server.url(), clock, HORIZON, &AXON, times)
        .await
        .expect("usable");
    let used = later();
    assert_eq!(claim(&store, used).await, Ok(()));
    server.signal("-STOP");
    // The helper fails a claim that does not end.
    for n in 1..5 {
        assert_eq!(claim(&store, used + n).await, Err(NonceError::StoreUnavailable));
    }
    server.signal("-CONT");
    until_back(&store).await;
    assert_eq!(
        claim(&store, used).await,
        Err(NonceError::Replayed),
        "the same run of the server knows it still"
    );
}

#[tokio::test]
async fn something_that_accepts_and_never_answers_is_no_server() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let address = listener.local_addr().expect("bound");
    let accepting = tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok(accepted) = listener.accept().await {
            held.push(accepted);
        }
    });
    let axoneme_replay::ReplayConfig::Redis(url) = format!("redis://:secret@{address}/0").parse().expect("URL") else {
        panic!("a Redis URL");
    };
    let times = RedisTimes {
        connect: Duration::from_millis(300),
        ..TIMES
    };
    let opening = RedisNonceStore::open(&url, Arc::new(SystemClock::default()), HORIZON, &AXON, times);
    let error = tokio::time::timeout(Duration::from_secs(20), opening)
        .await
        .expect("ends");
    let error = error.expect_err("no answer").to_string();
    assert!(
        error.contains(&address.to_string()) && !error.contains("secret"),
        "{error}"
    );
    accepting.abort();
}

#[tokio::test]
async fn a_server_that_evicts_keys_is_refused_with_advice() {
    for policy in ["allkeys-lru", "volatile-ttl"] {
        let server = RedisServer::start(&["--maxmemory", "10mb", "--maxmemory-policy", policy]);
        let error = open_for(&server, &AXON).await.expect_err("evicts").to_string();
        assert!(
            error.contains(policy) && error.contains("maxmemory-policy noeviction"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_server_without_memory_refuses_and_keeps_what_it_knows() {
    let server = RedisServer::start(&[]);
    let store = open(&server).await;
    let used = later();
    assert_eq!(claim(&store, used).await, Ok(()));
    let _: String = server.command(&["CONFIG", "SET", "maxmemory", "1"]).await;
    assert_eq!(claim(&store, used + 1).await, Err(NonceError::StoreUnavailable));
    assert!(store.is_connected(), "nothing is wrong with the connection");
    let _: String = server.command(&["CONFIG", "SET", "maxmemory", "0"]).await;
    assert_eq!(claim(&store, used + 1).await, Ok(()));
    assert_eq!(claim(&store, used).await, Err(NonceError::Replayed));
}

#[tokio::test]
async fn deleted_keys_are_noticed_by_every_replica() {
    let server = RedisServer::start(&[]);
    let (store, other) = (open(&server).await, open(&server).await);
    let used = SystemClock::default().unix_ns() + 5 * SECOND;
    assert_eq!(claim(&store, used).await, Ok(()));
    while SystemClock::default().unix_ns() < used {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let _: String = server.command(&["FLUSHALL"]).await;
    assert_eq!(claim(&store, used).await, Err(NonceError::StoreUnavailable));
    until_back(&store).await;
    for store in [&store, &other] {
        let refused = claim(store, used).await;
        assert!(matches!(refused, Err(NonceError::Unknowable { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn this_machines_clock_set_back_refuses_for_the_retention() {
    let server = RedisServer::start(&[]);
    let clock = Arc::new(ManualClock::at(SystemClock::default().unix_ns()));
    let store = RedisNonceStore::open(&server.url(), clock.clone(), HORIZON, &AXON, TIMES)
        .await
        .expect("usable");
    assert_eq!(claim(&store, later()).await, Ok(()));
    clock.set_unix_ns(clock.unix_ns() - 100 * SECOND);
    let refused = claim(&store, later()).await;
    assert!(matches!(refused, Err(NonceError::ClockSetBack { .. })), "{refused:?}");
    clock.advance(HORIZON.retention());
    assert_eq!(claim(&store, later()).await, Ok(()));
}
