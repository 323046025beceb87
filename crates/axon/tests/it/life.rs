//! Starting and ending.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use axoneme_axon::{Axon, AxonError};
use axoneme_protocol::Prompting;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::peer::{Counting, Reply, asking, key, start};

#[tokio::test]
async fn a_port_in_use_is_named_with_the_flag_that_changes_it() {
    let (axon, _) = start(|axon| axon).await;
    let addr = axon.local_addr();
    let error = Axon::builder(Arc::new(key("//Bob")))
        .bind(addr)
        .start()
        .await
        .expect_err("taken");
    assert!(matches!(error, AxonError::PortInUse { addr: taken } if taken == addr));
    let text = error.to_string();
    assert!(
        text.contains("--axon.port") && text.contains(&addr.port().to_string()),
        "{text}"
    );
}

#[tokio::test]
async fn an_address_of_another_machine_is_named() {
    let elsewhere = "192.0.2.1:0".parse().expect("address");
    let error = Axon::builder(Arc::new(key("//Bob")))
        .bind(elsewhere)
        .start()
        .await
        .expect_err("not here");
    assert!(
        error.to_string().contains("192.0.2.1") && error.to_string().contains("--axon.ip"),
        "{error}"
    );
}

#[tokio::test]
async fn two_handlers_for_one_synapse_are_a_mistake() {
    let builder = Axon::builder(Arc::new(key("//Bob"))).bind("127.0.0.1:0".parse().expect("address"));
    let builder = builder.route::<Prompting>(Arc::new(Counting::default()));
    let error = builder
        .route::<Prompting>(Arc::new(Counting::default()))
        .start()
        .await
        .expect_err("twice");
    assert!(matches!(error, AxonError::DuplicateRoute { synapse: "Prompting" }));
}

#[tokio::test]
async fn shutting_down_lets_requests_finish_and_closes_idle_connections() {
    let (axon, _) = start(|axon| axon).await;
    let to = axon.local_addr();
    let mut idle = TcpStream::connect(to).await.expect("connected");
    idle.write_all(&asking("hello").bytes()).await.expect("sent");
    assert_eq!(Reply::read(&mut idle).await.expect("an answer").status, 200);
    let began = Instant::now();
    axon.shutdown(Duration::from_secs(10)).await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert!(Reply::read(&mut idle).await.is_none());
    assert!(TcpStream::connect(to).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_cancelled_and_told_so() {
    let (axon, handler) = start(|axon| axon).await;
    let mut stream = TcpStream::connect(axon.local_addr()).await.expect("connected");
    stream.write_all(&asking("hang").bytes()).await.expect("sent");
    while handler.count() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let began = Instant::now();
    axon.shutdown(Duration::from_millis(200)).await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(Reply::read(&mut stream).await.expect("an answer").status, 503);
    assert_eq!(handler.cancelled.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn an_axon_listens_on_ipv6_too() {
    let builder = Axon::builder(Arc::new(key("//Bob"))).bind("[::1]:0".parse().expect("address"));
    let handler = Arc::new(Counting::default());
    let Ok(axon) = builder.route::<Prompting>(handler.clone()).start().await else {
        return; // this machine has no IPv6
    };
    assert_eq!(asking("hello").send(axon.local_addr()).await.status, 200);
    assert_eq!(handler.count(), 1);
}
