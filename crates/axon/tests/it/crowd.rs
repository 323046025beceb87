//! What a crowd of strangers can take, and what is kept for callers that are served.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axoneme_axon::{Axon, AxonError, CallerPolicy, Limits, Rate, Verdict};
use axoneme_protocol::Dummy;
use axoneme_wallet::AccountId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::peer::{DEADLINE, Reply, Signed, asking, key, start};

const SIGNATURE: &str = "bt_header_dendrite_signature";

fn by(uri: &str) -> crate::peer::Raw {
    Signed {
        by: uri,
        ..Signed::default()
    }
    .raw()
}

#[tokio::test]
async fn junk_from_the_same_address_does_not_lock_out_a_caller_that_was_served() {
    let limits = Limits {
        per_ip: Some(Rate {
            per_second: 0.1,
            burst: 20.0,
        }),
        ..Limits::default()
    };
    let (axon, _) = start(|axon| axon.limits(limits)).await;
    let to = axon.local_addr();
    assert_eq!(asking("hello").send(to).await.status, 200);
    let forged = || by("//Mallory").set(SIGNATURE, &format!("0x{}", "1".repeat(128)));
    let mut statuses = Vec::new();
    for _ in 0..30 {
        statuses.push(forged().send(to).await.status);
    }
    assert!(statuses[..10].iter().all(|status| *status == 401), "{statuses:?}");
    assert!(statuses[25..].iter().all(|status| *status == 429), "{statuses:?}");
    for _ in 0..10 {
        assert_eq!(asking("hello").send(to).await.status, 200);
    }
    // Nobody else gets through, however honest.
    assert_eq!(by("//Charlie").send(to).await.status, 429);
}

#[tokio::test]
async fn strangers_together_get_so_many_signature_checks() {
    let limits = Limits {
        stranger_checks: Some(Rate {
            per_second: 0.1,
            burst: 3.0,
        }),
        ..Limits::default()
    };
    let (axon, handler) = start(|axon| axon.limits(limits)).await;
    let to = axon.local_addr();
    assert_eq!(asking("hello").send(to).await.status, 200);
    for _ in 0..2 {
        let forged = by("//Mallory").set(SIGNATURE, &format!("0x{}", "1".repeat(128)));
        assert_eq!(forged.send(to).await.status, 401);
    }
    let reply = by("//Charlie").send(to).await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, Some("1")));
    assert_eq!(handler.count(), 1);
    for _ in 0..5 {
        assert_eq!(
            asking("hello").send(to).await.status,
            200,
            "a known caller is not asked to wait"
        );
    }
}

#[tokio::test]
async fn bodies_of_strangers_take_only_so_much_memory() {
    let limits = Limits {
        stranger_bytes: 0,
        body_bytes: 1 << 20,
        ..Limits::default()
    };
    let (axon, _) = start(|axon| axon.limits(limits)).await;
    let to = axon.local_addr();
    // Two of the largest fit whatever is said; they are on their way and do not arrive.
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(to).await.expect("connected");
        let raw = by("//Mallory").set("Content-Length", &(1 << 20).to_string());
        stream.write_all(&raw.head()).await.expect("sent");
        held.push(stream);
    }
    let mut refused = false;
    for _ in 0..100 {
        refused = refused || by("//Charlie").send(to).await.status == 503;
        tokio::time::sleep(Duration::from_millis(5)).await;
        if refused {
            break;
        }
    }
    assert!(refused);
    drop(held);
    let mut served = false;
    for _ in 0..100 {
        served = served || by("//Charlie").send(to).await.status == 200;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(served, "what left gives its memory back");
}

#[tokio::test]
async fn silent_connections_make_room_for_those_that_speak() {
    let limits = Limits {
        max_connections: 20,
        reserved_connections: 5,
        max_connections_per_ip: usize::MAX,
        ..Limits::default()
    };
    let (axon, _) = start(|axon| axon.limits(limits)).await;
    let to = axon.local_addr();
    let mut kept = TcpStream::connect(to).await.expect("connected");
    kept.write_all(&asking("hello").bytes()).await.expect("sent");
    assert_eq!(Reply::read(&mut kept).await.expect("an answer").status, 200);
    let mut silent = Vec::new();
    for _ in 0..200 {
        silent.push(TcpStream::connect(to).await.expect("connected"));
    }
    let began = Instant::now();
    assert_eq!(by("//Charlie").send(to).await.status, 200, "a newcomer");
    assert_eq!(asking("hello").send(to).await.status, 200, "a known caller");
    kept.write_all(&asking("hello").bytes()).await.expect("sent");
    assert_eq!(
        Reply::read(&mut kept).await.expect("an answer").status,
        200,
        "its connection was kept"
    );
    assert!(began.elapsed() < Duration::from_secs(3), "nobody had to time out first");
}

#[tokio::test]
async fn a_body_that_drips_is_ended_when_a_silent_one_would_be_and_one_that_flows_is_not() {
    let limits = Limits {
        head_timeout: Duration::from_millis(400),
        body_bytes_per_second: 1000,
        ..Limits::default()
    };
    let (axon, handler) = start(|axon| axon.limits(limits)).await;
    let to = axon.local_addr();
    let raw = asking(&"x".repeat(3000));
    let send = |pause: u64, size: usize| {
        let raw = raw.clone();
        async move {
            let mut stream = TcpStream::connect(to).await.expect("connected");
            stream.write_all(&raw.head()).await.expect("sent");
            let (mut reader, mut writer) = stream.split();
            let dripping = async {
                for piece in raw.body.chunks(size) {
                    if writer.write_all(piece).await.is_err() {
                        break;
                    }
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
                std::future::pending::<()>().await;
            };
            let mut answer = [0; 12];
            tokio::select! {
                read = tokio::time::timeout(DEADLINE, reader.read_exact(&mut answer)) => {
                    read.expect("in time").expect("an answer");
                }
                () = dripping => {}
            }
            String::from_utf8_lossy(&answer[9..]).into_owned()
        }
    };
    let began = Instant::now();
    assert_eq!(send(50, 1).await, "408");
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(handler.count(), 0);
    // Four times as long as a silent body may take, at twice the least speed.
    assert_eq!(send(100, 200).await, "200");
}

#[tokio::test]
async fn a_connection_may_be_idle_for_longer_than_a_head_may_take() {
    let limits = Limits {
        head_timeout: Duration::from_millis(200),
        idle_timeout: Duration::from_millis(900),
        ..Limits::default()
    };
    let (axon, _) = start(|axon| axon.limits(limits)).await;
    let mut stream = TcpStream::connect(axon.local_addr()).await.expect("connected");
    for _ in 0..2 {
        stream.write_all(&asking("hello").bytes()).await.expect("sent");
        assert_eq!(Reply::read(&mut stream).await.expect("an answer").status, 200);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let began = Instant::now();
    assert!(Reply::read(&mut stream).await.is_none(), "and not for ever");
    assert!(began.elapsed() < Duration::from_secs(3));
}

/// Counts who asks it, and panics for one of them.
#[derive(Default)]
struct Asked(AtomicUsize);

impl CallerPolicy for Asked {
    fn blacklist(&self, caller: &AccountId, _synapse: &str) -> Verdict {
        self.0.fetch_add(1, Ordering::SeqCst);
        assert_ne!(*caller, key("//Dave").account_id(), "the policy panics on request");
        Verdict::Allow
    }

    fn priority(&self, _caller: &AccountId) -> f64 {
        0.0
    }

    fn preferred(&self, caller: &AccountId) -> bool {
        *caller == key("//Charlie").account_id()
    }
}

#[tokio::test]
async fn the_policy_sees_verified_callers_only_and_may_break() {
    let policy = Arc::new(Asked::default());
    let (axon, _) = start(|axon| axon.policy(policy.clone())).await;
    let to = axon.local_addr();
    let forged = asking("hello").set(SIGNATURE, &format!("0x{}", "1".repeat(128)));
    assert_eq!(forged.send(to).await.status, 401);
    assert_eq!(policy.0.load(Ordering::SeqCst), 0);
    let reply = by("//Dave").send(to).await;
    assert_eq!((reply.status, reply.header("connection")), (500, Some("close")));
    assert!(reply.message().starts_with("Internal Server Error #"));
    assert_eq!(asking("hello").send(to).await.status, 200, "and nobody else is harmed");
    assert_eq!(policy.0.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn handlers_are_kept_for_preferred_callers() {
    let limits = Limits {
        max_concurrent: 2,
        reserved_concurrent: 1,
        queue_len: 0,
        ..Limits::default()
    };
    let (axon, handler) = start(|axon| axon.limits(limits).policy(Arc::new(Asked::default()))).await;
    let to = axon.local_addr();
    let mut running = TcpStream::connect(to).await.expect("connected");
    running.write_all(&asking("hang").bytes()).await.expect("sent");
    let waiting = async {
        while handler.count() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, waiting).await.expect("in time");
    assert_eq!(
        asking("hello").send(to).await.status,
        503,
        "the other place is not for everybody"
    );
    assert_eq!(by("//Charlie").send(to).await.status, 200);
}

#[tokio::test]
async fn a_route_whose_body_nobody_signs_has_to_be_meant() {
    struct Nothing;
    #[async_trait::async_trait]
    impl axoneme_axon::Forward<Dummy> for Nothing {
        async fn forward(
            &self,
            _: axoneme_axon::Caller,
            dummy: Dummy,
            _: axoneme_axon::CancellationToken,
        ) -> Result<Dummy, axoneme_axon::HandlerError> {
            Ok(dummy)
        }
    }
    let builder = || {
        let builder = Axon::builder(Arc::new(key("//Bob"))).bind("127.0.0.1:0".parse().expect("address"));
        builder.route::<Dummy>(Arc::new(Nothing))
    };
    let error = builder().start().await.expect_err("not signed");
    assert!(matches!(error, AxonError::NoHashFields { synapse: "Dummy" }));
    assert!(error.to_string().contains("allow_unhashed"), "{error}");
    assert!(builder().allow_unhashed::<Dummy>().start().await.is_ok());
    // Over btauth/1 every byte of it is signed.
    assert!(builder().auth(axoneme_axon::AuthPolicy::BTAUTH).start().await.is_ok());
    let neither = axoneme_axon::AuthPolicy {
        v10: false,
        btauth: false,
        ..Default::default()
    };
    let error = builder()
        .route_auth::<Dummy>(neither)
        .start()
        .await
        .expect_err("no wire");
    assert!(matches!(error, AxonError::NoWire { synapse: "Dummy" }));
}
