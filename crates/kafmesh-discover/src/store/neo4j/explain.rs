//! What an operator can do about an error of Neo4j.

use neo4rs::Error;

/// What to do, as the rest of a sentence; `None` where the error says all there is to say.
pub(super) fn advice(error: &Error) -> Option<&'static str> {
    Some(match error {
        Error::AuthenticationError(_) => PASSWORD,
        Error::Neo4j(error) => match error.code() {
            "Neo.ClientError.Security.CredentialsExpired" => {
                "log in to Neo4j as this user once and choose another password (ALTER CURRENT USER \
                 SET PASSWORD), then give that to --neo4j-password-file"
            }
            "Neo.ClientError.Security.Unauthorized"
            | "Neo.ClientError.Security.AuthenticationRateLimit" => PASSWORD,
            "Neo.ClientError.Security.Forbidden" => {
                "the user (--neo4j-user) must be allowed to read and write nodes, relationships and \
                 properties in this database, and to create constraints"
            }
            "Neo.ClientError.Database.DatabaseNotFound" => {
                "name another with --neo4j-database, or create it first"
            }
            "Neo.ClientError.Cluster.NotALeader"
            | "Neo.ClientError.General.ForbiddenOnReadOnlyDatabase" => {
                "--neo4j must name the server of the cluster that writes this database: there is no \
                 routing, with neo4j:// neither"
            }
            _ => return None,
        },
        Error::IOError { detail } => return tls_advice(detail),
        Error::ProtocolMismatch(_) => {
            "--neo4j must name the Bolt port, 7687 if nothing else is configured; if that speaks TLS, \
             with bolt+s://"
        }
        _ => return None,
    })
}

const PASSWORD: &str = "check --neo4j-user and --neo4j-password-file \
                        (KAFMESH_DISCOVER_NEO4J_PASSWORD)";

/// Whether nobody is let in with this user and password.
pub(in crate::store) fn is_denied(error: &Error) -> bool {
    match error {
        Error::AuthenticationError(_) => true,
        Error::Neo4j(error) => error.code().starts_with("Neo.ClientError.Security."),
        _ => false,
    }
}

fn tls_advice(error: &std::io::Error) -> Option<&'static str> {
    const NO_TLS: &str = "the port may not speak TLS: then name it with bolt://";
    let inner = error.get_ref()?;
    let Some(error) = inner.downcast_ref::<rustls::Error>() else {
        // The words of tokio-rustls, which gives no other sign.
        return (inner.to_string() == "tls handshake eof").then_some(NO_TLS);
    };
    Some(match error {
        rustls::Error::InvalidCertificate(
            rustls::CertificateError::NotValidForName
            | rustls::CertificateError::NotValidForNameContext { .. },
        ) => "--neo4j must have a name that the server's certificate is for",
        rustls::Error::InvalidCertificate(_) => {
            "name a file with the authority that signed the server's certificate with --neo4j-ca"
        }
        rustls::Error::InvalidMessage(_) => NO_TLS,
        _ => return None,
    })
}
