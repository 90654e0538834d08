//! Who is at the other end of a request.

use std::net::{IpAddr, SocketAddr};

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

    /// The client's own address. Each proxy writes behind what it was told by whom it was told, so
    /// only words at the end that listed proxies wrote are believed: the client's is the last one
    /// that is no such proxy's. What is no address cannot be counted by, and its teller is
    /// taken for the client.
    pub(crate) fn client_address(&self, head: &Head<'_, '_>, proxies: &Networks) -> IpAddr {
        let values = head.values("x-forwarded-for").rev();
        let words = values.flat_map(|value| str::from_utf8(value).unwrap_or("?").rsplit(','));
        let mut address = self.address.to_canonical();
        for word in words {
            match forwarded(word.trim()) {
                Some(before) if proxies.contain(address) => address = before,
                _ => break,
            }
        }
        address
    }
}

/// An address as proxies write it: some with a port, and some with brackets.
fn forwarded(word: &str) -> Option<IpAddr> {
    let bare = word.strip_prefix('[').and_then(|w| w.strip_suffix(']'));
    let alone = bare.unwrap_or(word).parse::<IpAddr>();
    let address = alone.or_else(|_| word.parse().map(|both: SocketAddr| both.ip()));
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use foghorn_config::{Config, Sources};

    use crate::http1::tests::with_head;

    fn proxies() -> Networks {
        let sources = Sources {
            file: None,
            environment: Vec::new(),
            flags: vec![("server.trusted_proxies", "10.0.0.0/8".to_owned())],
        };
        Config::load(sources).unwrap().config.server.trusted_proxies
    }

    #[test]
    fn only_listed_proxies_are_believed() {
        let proxies = proxies();
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
    #[test]
    fn the_client_is_who_the_nearest_strangers_proxy_names() {
        let proxies = proxies();
        let address = |address: &str, values: &[&'static str]| {
            let headers = values.iter().map(|value| ("X-Forwarded-For", *value));
            let peer = Peer {
                address: address.parse().unwrap(),
                encryption: Encryption::Plain,
            };
            with_head(headers, |head| peer.client_address(head, &proxies)).to_string()
        };
        for (from, values, expect) in [
            ("11.1.2.3", &[][..], "11.1.2.3"),
            ("11.1.2.3", &["203.0.113.7"], "11.1.2.3"),
            ("10.1.2.3", &[], "10.1.2.3"),
            ("10.1.2.3", &["203.0.113.7"], "203.0.113.7"),
            ("::ffff:10.1.2.3", &["203.0.113.7"], "203.0.113.7"),
            ("10.1.2.3", &["::ffff:203.0.113.7"], "203.0.113.7"),
            ("10.1.2.3", &["203.0.113.7:4711"], "203.0.113.7"),
            ("10.1.2.3", &["2001:db8::1"], "2001:db8::1"),
            ("10.1.2.3", &["[2001:db8::1]"], "2001:db8::1"),
            ("10.1.2.3", &["[2001:db8::1]:4711"], "2001:db8::1"),
            // What a client says of itself comes first, and counts for nothing.
            ("10.1.2.3", &["198.51.100.1, 203.0.113.7"], "203.0.113.7"),
            ("10.1.2.3", &["198.51.100.1", "203.0.113.7"], "203.0.113.7"),
            (
                "10.1.2.3",
                &["198.51.100.1,203.0.113.7 , 10.9.9.9"],
                "203.0.113.7",
            ),
            (
                "10.1.2.3",
                &["203.0.113.7", "10.8.8.8, 10.9.9.9"],
                "203.0.113.7",
            ),
            ("10.1.2.3", &["10.8.8.8, 10.9.9.9"], "10.8.8.8"),
            ("10.1.2.3", &["198.51.100.1, unknown"], "10.1.2.3"),
            ("10.1.2.3", &["198.51.100.1, unknown, 10.9.9.9"], "10.9.9.9"),
            ("10.1.2.3", &["203.0.113.7,"], "10.1.2.3"),
            ("10.1.2.3", &["203.0.113.7", "\u{e4}"], "10.1.2.3"),
        ] {
            assert_eq!(address(from, values), expect, "{from} {values:?}");
        }
    }
}
