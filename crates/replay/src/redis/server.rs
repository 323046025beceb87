//! What a Redis server says about itself, and whether that will do.

/// The parts of `INFO` that matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ServerInfo {
    /// Random for every start of the server.
    pub(super) run_id: String,
    policy: String,
    role: String,
    loading: bool,
}

impl ServerInfo {
    pub(super) fn parse(info: &str) -> Result<Self, String> {
        let field = |name: &str| {
            let mut fields = info.lines().filter_map(|line| line.split_once(':'));
            fields
                .find(|(key, _)| *key == name)
                .map(|(_, value)| value.trim().to_owned())
        };
        let missing = |name: &str| {
            format!("it does not tell its {name} (INFO), so a restart would go unnoticed; use Redis or Valkey")
        };
        let run_id = field("run_id").filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        Ok(Self {
            run_id: run_id.ok_or_else(|| missing("run_id"))?,
            policy: field("maxmemory_policy").ok_or_else(|| missing("maxmemory_policy"))?,
            role: field("role").unwrap_or_default(),
            loading: field("loading").is_some_and(|loading| loading != "0"),
        })
    }

    /// Whether it keeps what it is told.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.policy != "noeviction" {
            return Err(format!(
                "it deletes keys when its memory is full (maxmemory-policy {}), and a deleted nonce can be used again; \
                 set `maxmemory-policy noeviction` in redis.conf, or use a server of its own for replay protection",
                self.policy
            ));
        }
        if self.role == "slave" {
            return Err("it is a read-only copy of another server; use the address of the primary".into());
        }
        if self.loading {
            return Err("it is still loading its data".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# Server\r\nredis_version:7.0.15\r\nrun_id:abc123\r\n\r\n# Memory\r\nmaxmemory_policy:noeviction\r\n# Replication\r\nrole:master\r\n# Persistence\r\nloading:0\r\n";

    fn judged(info: &str) -> Result<(), String> {
        ServerInfo::parse(info)?.check()
    }

    #[test]
    fn a_server_that_keeps_everything_will_do() {
        assert_eq!(judged(GOOD), Ok(()));
        assert_eq!(ServerInfo::parse(GOOD).expect("parsed").run_id, "abc123");
    }

    #[test]
    fn others_are_refused_with_advice() {
        for policy in ["allkeys-lru", "volatile-ttl", "volatile-lru", "allkeys-random"] {
            let why = judged(&GOOD.replace("noeviction", policy)).expect_err("evicts");
            assert!(why.contains(policy) && why.contains("noeviction"), "{why}");
        }
        assert!(judged(&GOOD.replace("master", "slave")).is_err_and(|why| why.contains("primary")));
        assert!(judged(&GOOD.replace("loading:0", "loading:1")).is_err());
        for line in ["run_id:abc123", "maxmemory_policy:noeviction"] {
            assert!(judged(&GOOD.replace(line, "")).is_err_and(|why| why.contains("INFO")));
        }
        assert!(judged(&GOOD.replace("abc123", "a b")).is_err());
    }
}
