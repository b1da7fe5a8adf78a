//! Where credentials and requests may go (rule 8).
//!
//! Everything here is decided before a credential exists: an endpoint that is not built in is taken only
//! on loopback, or when the environment, which no pull request can change, names it.

use reqwest::Url;

use crate::model::Cloud;
use crate::tenant::{TenantError, TenantErrorKind};

/// The environment variable that allows an endpoint outside the built-in table.
pub(super) const ALLOW_ENDPOINT: &str = "PORTCULLIS_ALLOW_ENDPOINT";

/// The two origins of a cloud, checked.
#[derive(Debug, Clone)]
pub(super) struct Endpoints {
    /// Graph's origin.
    pub(super) graph: Url,
    /// The sign-in origin.
    pub(super) login: Url,
}

impl Endpoints {
    /// Takes a cloud's origins, or says why they are not to be trusted.
    pub(super) fn of(cloud: &Cloud, allowed: Option<&str>) -> Result<Self, TenantError> {
        let origin = |text: &str| match cloud {
            Cloud::Custom { .. } => custom(text, allowed),
            Cloud::Global | Cloud::UsGov | Cloud::UsGovDod | Cloud::China => parse(text),
        };
        Ok(Self {
            graph: origin(cloud.graph())?,
            login: origin(cloud.login())?,
        })
    }

    /// Whether Graph is on this machine.
    pub(super) fn is_loopback(&self) -> bool {
        is_loopback(&self.graph)
    }

    /// Graph's origin as text, without a slash at the end: what a scope begins with.
    pub(super) fn graph_origin(&self) -> String {
        self.graph.origin().ascii_serialization()
    }

    /// The sign-in origin as text, without a slash at the end.
    pub(super) fn login_origin(&self) -> String {
        self.login.origin().ascii_serialization()
    }

    /// The URL of a path of Graph that we made ourselves, such as `/v1.0/users?$top=1`.
    pub(super) fn graph_url(&self, path_and_query: &str) -> Result<Url, TenantError> {
        self.link(&format!("{}{path_and_query}", self.graph_origin()))
    }

    /// A link that the service gave: it must stay at Graph, or it is not followed.
    pub(super) fn link(&self, text: &str) -> Result<Url, TenantError> {
        let url = Url::parse(text).map_err(|error| {
            TenantError::new(
                TenantErrorKind::Shape,
                format!("Graph answered with a link that is no absolute URL ({error})"),
            )
        })?;
        let anonymous = url.username().is_empty() && url.password().is_none();
        if url.origin() != self.graph.origin() || !anonymous {
            return Err(foreign(&url, &self.graph_origin()));
        }
        if !["/v1.0/", "/beta/"]
            .iter()
            .any(|root| url.path().starts_with(root))
        {
            return Err(TenantError::new(
                TenantErrorKind::ForeignOrigin,
                format!(
                    "Graph answered with a link to {}, which is not part of Graph v1.0; it was not followed",
                    url.path()
                ),
            ));
        }
        Ok(url)
    }
}

/// The error of a link or a redirect that leads away from where the token belongs.
pub(super) fn foreign(url: &Url, expected: &str) -> TenantError {
    TenantError::new(
        TenantErrorKind::ForeignOrigin,
        format!(
            "The answer points to {}, but the token belongs to {expected}; nothing was sent there",
            url.origin().ascii_serialization()
        ),
    )
    .hint("A proxy between here and Graph may have changed the answer: look at its settings")
}

/// Whether a URL stays on this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

fn parse(text: &str) -> Result<Url, TenantError> {
    Url::parse(text).map_err(|error| {
        declaration(format!("\"{text}\" is no URL ({error})"))
            .hint("Write an origin such as http://127.0.0.1:8080")
    })
}

fn custom(text: &str, allowed: Option<&str>) -> Result<Url, TenantError> {
    let url = parse(text)?;
    let bare = matches!(url.path(), "" | "/")
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    if !bare || !matches!(url.scheme(), "http" | "https") {
        return Err(declaration(format!(
            "The endpoint {} must be an http or https origin without path, user or query",
            url.origin().ascii_serialization()
        )));
    }
    if is_loopback(&url) {
        return Ok(url);
    }
    let origin = url.origin().ascii_serialization();
    let is_named = allowed.unwrap_or_default().split(',').any(|allowed| {
        Url::parse(allowed.trim()).is_ok_and(|allowed| allowed.origin() == url.origin())
    });
    if !is_named {
        return Err(declaration(format!(
            "The endpoint {origin} is neither a Microsoft cloud nor on loopback, so no credential is sent to it"
        ))
        .hint("Declare cloud: global, us-gov, us-gov-dod or china")
        .hint(format!(
            "If you trust it, set {ALLOW_ENDPOINT}={origin} in the environment; the repository cannot"
        )));
    }
    if url.scheme() != "https" {
        return Err(declaration(format!(
            "The endpoint {origin} must use https: a token would travel in the clear"
        )));
    }
    Ok(url)
}

fn declaration(message: String) -> TenantError {
    TenantError::new(TenantErrorKind::Declaration, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud(graph: &str, login: &str) -> Cloud {
        Cloud::Custom {
            graph: graph.into(),
            login: login.into(),
        }
    }

    #[test]
    fn loopback_in_all_its_forms_is_taken() {
        for origin in [
            "http://127.0.0.1:8080",
            "http://127.9.9.9",
            "http://[::1]:1",
            "http://localhost:2/",
        ] {
            assert!(
                Endpoints::of(&cloud(origin, origin), None).is_ok(),
                "{origin}"
            );
        }
    }

    #[test]
    fn anything_else_is_refused_unless_the_environment_names_it() {
        let loopback = "http://127.0.0.1:1";
        for origin in [
            "https://graph.contoso.example",
            "http://127.0.0.1.contoso.example",
            "http://localhost.contoso.example",
            "http://0.0.0.0:1",
            "http://user@127.0.0.1:1",
            "http://127.0.0.1:1/path",
            "ftp://127.0.0.1",
            "https://graph.microsoft.com",
        ] {
            for both in [cloud(origin, loopback), cloud(loopback, origin)] {
                let error = Endpoints::of(&both, None).expect_err(origin);
                assert_eq!(error.kind, TenantErrorKind::Declaration, "{origin}");
            }
        }
        let named = "https://one.example, https://graph.contoso.example";
        let both = cloud("https://graph.contoso.example/", loopback);
        assert!(Endpoints::of(&both, Some(named)).is_ok());
        let port = cloud("https://graph.contoso.example:8443", loopback);
        assert!(Endpoints::of(&port, Some(named)).is_err());
        let clear = cloud("http://graph.contoso.example", loopback);
        assert!(Endpoints::of(&clear, Some("http://graph.contoso.example")).is_err());
    }

    #[test]
    fn a_link_stays_at_graph() {
        let at = Endpoints::of(&Cloud::Global, None).expect("built in");
        assert!(
            at.link("https://graph.microsoft.com/v1.0/users?$skiptoken=x")
                .is_ok()
        );
        assert!(
            at.link("https://graph.microsoft.com:443/beta/users")
                .is_ok()
        );
        for link in [
            "https://graph.microsoft.com.evil.example/v1.0/users",
            "http://graph.microsoft.com/v1.0/users",
            "https://graph.microsoft.com:444/v1.0/users",
            "https://x@graph.microsoft.com/v1.0/users",
            "https://graph.microsoft.com/evil",
            "https://graph.microsoft.com/v1.0/../evil",
        ] {
            let error = at.link(link).expect_err(link);
            assert_eq!(error.kind, TenantErrorKind::ForeignOrigin, "{link}");
        }
        assert!(at.link("/v1.0/users").is_err());
    }
}
