//! Who may watch, and how much of it.

use subtle::ConstantTimeEq as _;
use tonic::Status;
use tonic::metadata::MetadataMap;

use crate::config::{Config, is_token};
use crate::error::{Error, Result};
use crate::secret::Secret;

/// What the configuration says about watching.
pub(crate) struct Access {
    pub(super) is_on: bool,
    token: Option<String>,
    /// Operations per second and watcher.
    pub(super) rate: u32,
}

impl Access {
    /// # Errors
    ///
    /// [`Error::Config`] for a token that nobody could send.
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let token = config.watch_token.as_ref().map(Secret::reveal);
        if token.is_some_and(|token| !is_token(token)) {
            return Err(Error::Config {
                name: "KAFMESH_WATCH_TOKEN".to_owned(),
                problem: "the token is not one of visible ASCII characters; without one, whoever reaches the port may watch".to_owned(),
            });
        }
        Ok(Self {
            is_on: config.watch,
            token: token.map(str::to_owned),
            rate: config.watch_rate.get(),
        })
    }

    /// Whether who sent `metadata` may watch.
    ///
    /// # Errors
    ///
    /// `UNIMPLEMENTED` when nobody may, `UNAUTHENTICATED` without the token.
    pub(super) fn check(&self, metadata: &MetadataMap) -> Result<(), Status> {
        if !self.is_on {
            return Err(Status::unimplemented(
                "watching is turned off in this process (KAFMESH_WATCH=off)",
            ));
        }
        let Some(token) = &self.token else {
            return Ok(());
        };
        let given = metadata
            .get("authorization")
            .and_then(|value| bearer(value.as_bytes()));
        match given {
            Some(given) if bool::from(given.ct_eq(token.as_bytes())) => Ok(()),
            Some(_) => Err(Status::unauthenticated(
                "the token is not the one that KAFMESH_WATCH_TOKEN holds",
            )),
            None => Err(Status::unauthenticated(
                "watching needs a token: send `authorization: Bearer TOKEN` as metadata",
            )),
        }
    }
}

/// What comes after `Bearer`, whose case makes no difference (RFC 9110).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Code;

    fn check(config: &Config, authorization: Option<&'static str>) -> Result<(), Code> {
        let mut metadata = MetadataMap::new();
        if let Some(value) = authorization {
            metadata.insert("authorization", value.parse().unwrap());
        }
        let checked = Access::new(config).unwrap().check(&metadata);
        checked.map_err(|status| status.code())
    }

    #[test]
    fn who_has_the_token_may_watch_unless_it_is_off() {
        let open = Config::new("");
        assert_eq!(check(&open, None), Ok(()));
        assert_eq!(check(&open, Some("Bearer whatever")), Ok(()));
        let limited = Config::new("").with_watch_token("secret");
        assert_eq!(check(&limited, Some("Bearer secret")), Ok(()));
        assert_eq!(check(&limited, Some("bearer secret")), Ok(()));
        for wrong in [
            "secret",
            "Bearer",
            "Bearer ",
            "Bearer secre",
            "Bearer secreT",
            "Bearer secrets",
            "Basic secret",
        ] {
            assert_eq!(
                check(&limited, Some(wrong)),
                Err(Code::Unauthenticated),
                "{wrong}"
            );
        }
        assert_eq!(check(&limited, None), Err(Code::Unauthenticated));
        let off = limited.with_watch(false);
        assert_eq!(check(&off, Some("Bearer secret")), Err(Code::Unimplemented));
    }

    #[test]
    fn a_token_that_nobody_could_send_is_refused_and_not_shown() {
        for token in ["", " ", "two words", "schlüssel", "line\n"] {
            let config = Config::new("").with_watch_token(token);
            let Err(error) = Access::new(&config) else {
                panic!("{token:?} is taken")
            };
            assert_eq!(
                error.to_string(),
                "KAFMESH_WATCH_TOKEN: the token is not one of visible ASCII characters; without one, whoever reaches the port may watch"
            );
        }
    }
}
