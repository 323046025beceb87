//! The tables of cases.

mod abuse;
mod answers;
mod body;
mod btauth;
mod btauth_text;
mod flood;
mod framing;
mod headers;
mod identity;
mod nonces;
mod routing;
mod smuggling;
mod valid;

use crate::case::Case;

/// All cases, in the order of reports.
pub fn all() -> Vec<Case> {
    [
        valid::CASES,
        identity::CASES,
        nonces::CASES,
        headers::CASES,
        body::CASES,
        answers::CASES,
        routing::CASES,
        framing::CASES,
        smuggling::CASES,
        abuse::CASES,
        flood::CASES,
        btauth::CASES,
        btauth_text::CASES,
    ]
    .concat()
}

/// Where a case stands in reports.
pub(crate) fn place(id: &str) -> usize {
    let cases = all();
    cases.iter().position(|case| case.id == id).unwrap_or(cases.len())
}

/// A case of one request on a connection of its own: id, group, what, expectation, bytes.
macro_rules! once {
    ($id:literal, $group:ident, $about:literal, $expect:expr, $bytes:expr) => {
        $crate::case::Case {
            id: $id,
            group: $crate::case::Group::$group,
            about: $about,
            expect: $expect,
            play: |session| {
                Box::pin(async move {
                    let build: fn(&$crate::session::Session) -> Vec<u8> = $bytes;
                    session.send(&build(session)).await
                })
            },
        }
    };
}

/// A case with a course of its own.
macro_rules! course {
    ($id:literal, $group:ident, $about:literal, $expect:expr, $play:path) => {
        $crate::case::Case {
            id: $id,
            group: $crate::case::Group::$group,
            about: $about,
            expect: $expect,
            play: |session| Box::pin($play(session)),
        }
    };
}

pub(crate) use {course, once};

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_case_has_a_name_of_its_own() {
        let cases = all();
        let names: HashSet<&str> = cases.iter().map(|case| case.id).collect();
        assert_eq!(names.len(), cases.len());
        assert!(cases.len() >= 100, "{}", cases.len());
    }
}
