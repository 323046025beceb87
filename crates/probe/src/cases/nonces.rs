//! Which nonces count as fresh and as used: the edges of the window, and what a refused request leaves behind.

use super::{course, once};
use crate::case::{Case, Expect};
use crate::session::Session;
use crate::socket::Seen;

const SECOND: u64 = 1_000_000_000;
const SIGNATURE: &str = "bt_header_dendrite_signature";
const NOT_VERIFIED: Expect = Expect::Refused(&[401]);

pub(super) const CASES: &[Case] = &[
    once!(
        "within-timeout",
        Identity,
        "signed ten seconds ago with a timeout of twelve",
        Expect::Served,
        |session| {
            session
                .draft()
                .with(|draft| {
                    draft.nonce -= 10 * SECOND;
                    draft.timeout = 12.0
                })
                .bytes()
        }
    ),
    once!(
        "beyond-timeout",
        Identity,
        "signed 20 seconds ago with a timeout of twelve",
        NOT_VERIFIED,
        |session| {
            session
                .draft()
                .with(|draft| {
                    draft.nonce -= 20 * SECOND;
                    draft.timeout = 12.0
                })
                .bytes()
        }
    ),
    once!(
        "no-timeout-stale",
        Identity,
        "signed six seconds ago, without a timeout",
        NOT_VERIFIED,
        |session| {
            session
                .draft()
                .with(|draft| draft.nonce -= 6 * SECOND)
                .http()
                .without("timeout")
                .bytes()
        }
    ),
    once!(
        "future-soon",
        Identity,
        "signed 90 seconds ahead; no clock lead may be above 60",
        NOT_VERIFIED,
        |session| session.draft().with(|draft| draft.nonce += 90 * SECOND).bytes()
    ),
    once!(
        "zero-nonce",
        Identity,
        "a nonce of zero",
        Expect::Refused(&[400, 401]),
        |session| { session.draft().with(|draft| draft.nonce = 0).bytes() }
    ),
    course!(
        "stale-lane",
        Identity,
        "signed ten minutes ago, in a lane whose last nonce is older still",
        NOT_VERIFIED,
        stale_lane
    ),
    course!(
        "two-lanes",
        Identity,
        "the same nonce under another uuid, signed: another request",
        Expect::Served,
        two_lanes
    ),
    course!(
        "out-of-order",
        Identity,
        "an older fresh nonce after a newer one of its lane; strict order may refuse it",
        Expect::Anything,
        out_of_order
    ),
    course!(
        "not-burnt",
        Identity,
        "an honest request after a copy of it with a bad signature",
        Expect::Served,
        not_burnt
    ),
    course!(
        "replay-later",
        Identity,
        "the same bytes again after five seconds",
        NOT_VERIFIED,
        replay_later
    ),
    course!(
        "replay-timeout",
        Identity,
        "the same signature again with another timeout and version, which nobody signed",
        NOT_VERIFIED,
        replay_unsigned_parts
    ),
];

/// Python checks freshness only for the first nonce of a lane.
async fn stale_lane(session: &Session) -> Result<Seen, String> {
    let uuid = session.draft().uuid;
    let old = |minutes: u64| {
        session
            .draft()
            .with(|draft| {
                draft.uuid.clone_from(&uuid);
                draft.nonce -= minutes * 60 * SECOND;
                draft.timeout = 1.0;
            })
            .http()
            .without("bt_header_dendrite_version")
            .bytes()
    };
    session.send(&old(20)).await?;
    session.send(&old(10)).await
}

async fn two_lanes(session: &Session) -> Result<Seen, String> {
    let one = session.draft();
    let nonce = one.nonce;
    served(session.send(&one.bytes()).await?)?;
    session
        .send(&session.draft().with(|draft| draft.nonce = nonce).bytes())
        .await
}

async fn out_of_order(session: &Session) -> Result<Seen, String> {
    let older = session.draft();
    let newer = session.draft().with(|draft| draft.uuid.clone_from(&older.uuid));
    served(session.send(&newer.bytes()).await?)?;
    session.send(&older.bytes()).await
}

async fn not_burnt(session: &Session) -> Result<Seen, String> {
    let honest = session.draft().http();
    let forged = honest.clone().set(SIGNATURE, format!("0x{}", "11".repeat(64)));
    let refused = session.send(&forged.bytes()).await?;
    if refused.is_served() {
        return Ok(Seen::Wrong {
            what: format!("the forged copy was served: {refused}"),
        });
    }
    session.send(&honest.bytes()).await
}

async fn replay_later(session: &Session) -> Result<Seen, String> {
    let bytes = session.draft().bytes();
    served(session.send(&bytes).await?)?;
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    session.send(&bytes).await
}

async fn replay_unsigned_parts(session: &Session) -> Result<Seen, String> {
    let http = session.draft().http();
    served(session.send(&http.bytes()).await?)?;
    let again = http.set("timeout", "59.0").set("bt_header_dendrite_version", "7001999");
    session.send(&again.bytes()).await
}

fn served(first: Seen) -> Result<(), String> {
    if first.is_served() {
        Ok(())
    } else {
        Err(format!("the first, honest request was not served: {first}"))
    }
}
