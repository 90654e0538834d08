//! Who is at the other end of a request.

use std::net::IpAddr;

use foghorn_config::Networks;
use foghorn_node::Encryption;

use crate::http1::Head;

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    /// Its address; a proxy's, if there is one.
    pub(crate) address: IpAddr,
    /// Whether it is connected with TLS.
    pub(crate) encryption: Encryption,
}

impl Peer {
    /// Whether the client itself is connected with TLS. Behind a proxy that ends TLS only the proxy
    /// knows, and only listed proxies are believed: anybody can send the header.
    pub(crate) fn client_encryption(&self, head: &Head<'_, '_>, proxies: &Networks) -> Encryption {
        if self.encryption == Encryption::Tls {
            return Encryption::Tls;
        }
        // The last word is that of the nearest proxy.
        let last = head.values("x-forwarded-proto").next_back();
        let word = last.and_then(|value| str::from_utf8(value).ok()?.rsplit(',').next());
        let is_tls = word.is_some_and(|word| {
            let word = word.trim();
            word.eq_ignore_ascii_case("https") || word.eq_ignore_ascii_case("wss")
        });
        match is_tls && proxies.contain(self.address) {
            true => Encryption::Tls,
            false => Encryption::Plain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use foghorn_config::{Config, Sources};

    use crate::http1::tests::with_head;

    #[test]
    fn only_listed_proxies_are_believed() {
        let sources = Sources {
            file: None,
            environment: Vec::new(),
            flags: vec![("server.trusted_proxies", "10.0.0.0/8".to_owned())],
        };
        let proxies = Config::load(sources).unwrap().config.server.trusted_proxies;
        let encryption = |address: &str, encryption, values: &[&'static str]| {
            let headers = values.iter().map(|value| ("X-Forwarded-Proto", *value));
            let address = address.parse().unwrap();
            let peer = Peer {
                address,
                encryption,
            };
            with_head(headers, |head| peer.client_encryption(head, &proxies))
        };
        let (plain, tls) = (Encryption::Plain, Encryption::Tls);
        for (address, values, expect) in [
            ("10.1.2.3", &["https"][..], tls),
            ("10.1.2.3", &["WSS"], tls),
            ("::ffff:10.1.2.3", &["https"], tls),
            ("10.1.2.3", &["http, https"], tls),
            ("10.1.2.3", &["http", "https"], tls),
            ("10.1.2.3", &["https, http"], plain),
            ("10.1.2.3", &["http"], plain),
            ("10.1.2.3", &[], plain),
            ("11.1.2.3", &["https"], plain),
        ] {
            assert_eq!(
                encryption(address, plain, values),
                expect,
                "{address} {values:?}"
            );
        }
        assert_eq!(encryption("11.1.2.3", tls, &["http"]), tls);
    }
}
