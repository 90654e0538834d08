//! The text that a request signature covers, in the variants that libraries are known to build
//! (http-api.md §3.1 and §3.4).

use std::borrow::Cow;

use crate::query::{Component, Pair, Query};
use crate::{percent_decode, without_mount};

/// The parameter that carries the signature and is not covered by it.
pub(super) const SIGNATURE: &str = "auth_signature";

/// One canonical text: method, path and parameters, each on a line, nothing escaped.
#[derive(Clone, Copy)]
pub(super) struct Canonical<'a> {
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) parameters: &'a Parameters<'a>,
}

impl Canonical<'_> {
    /// The text.
    pub(super) fn text(&self) -> String {
        let parameters = self.parameters.iter();
        let room = parameters.map(|(name, value)| name.len() + value.len() + 2);
        let room = self.method.len() + self.path.len() + 2 + room.sum::<usize>();
        let mut text = String::with_capacity(room);
        text.push_str(self.method);
        text.make_ascii_uppercase();
        text.extend(["\n", self.path, "\n"]);
        for (index, (name, value)) in self.parameters.iter().enumerate() {
            let separator = if index == 0 { "" } else { "&" };
            text.extend([separator, name, "=", value]);
        }
        text
    }
}

/// How a component of the query is read.
#[derive(Clone, Copy)]
pub(super) enum Escapes {
    /// Percent-decoded, `+` for itself: what nearly all libraries sign.
    Decoded,
    /// As received: what was sent without encoding but looks encoded.
    Raw,
    /// Percent-decoded, `+` for a space: what a form encoder sent.
    FormDecoded,
}

/// How names are written.
#[derive(Clone, Copy)]
pub(super) enum Names {
    /// As the reference has it.
    LowerCased,
    /// As received.
    Verbatim,
}

/// How `k[]=a&k[]=b` is written.
#[derive(Clone, Copy)]
pub(super) enum Arrays {
    /// `k[]=a&k[]=b`, as the reference has it.
    Repeated,
    /// `k=a,b`, as the PHP library signs it; on the wire it numbers the elements, `k[0]=a`.
    Joined,
}

/// One variant of the parameters.
#[derive(Clone, Copy)]
pub(super) struct Style {
    pub(super) escapes: Escapes,
    pub(super) names: Names,
    pub(super) arrays: Arrays,
}

impl Style {
    /// What the reference signs.
    pub(super) const REFERENCE: Self = Self {
        escapes: Escapes::Decoded,
        names: Names::LowerCased,
        arrays: Arrays::Repeated,
    };

    /// The styles in which this query may have been signed, likeliest first: at most twelve, and
    /// only [`Style::REFERENCE`] for a query in which they do not differ.
    pub(super) fn candidates<'a>(query: &'a Query<'_>) -> impl Iterator<Item = Self> + use<'a> {
        let components = || {
            query
                .pairs()
                .iter()
                .flat_map(|pair| [&pair.name, &pair.value])
        };
        let escaped = components().any(|component| component.raw != component.decoded);
        let plus = components().any(|component| component.raw.contains('+'));
        let mut names = query.pairs().iter().map(|pair| &pair.name);
        let upper = names.any(|name| has_upper(name.raw) || has_upper(&name.decoded));
        let array = query
            .pairs()
            .iter()
            .any(|pair| array_name(&pair.name.decoded).is_some());

        let escapes = [Escapes::Decoded]
            .into_iter()
            .chain(escaped.then_some(Escapes::Raw))
            .chain(plus.then_some(Escapes::FormDecoded));
        escapes.flat_map(move |escapes| {
            let names = [Names::LowerCased]
                .into_iter()
                .chain(upper.then_some(Names::Verbatim));
            names.flat_map(move |names| {
                let arrays = [Arrays::Repeated]
                    .into_iter()
                    .chain(array.then_some(Arrays::Joined));
                arrays.map(move |arrays| Self {
                    escapes,
                    names,
                    arrays,
                })
            })
        })
    }
}

/// Parameters in the order in which they are signed.
pub(super) struct Parameters<'a>(Vec<Parameter<'a>>);

type Parameter<'a> = (Cow<'a, str>, Cow<'a, str>);

impl<'a> Parameters<'a> {
    /// All but the signature, in one style.
    pub(super) fn of_query(query: &'a Query<'_>, style: Style) -> Self {
        let covered = |pair: &&Pair<'_>| !pair.name.decoded.eq_ignore_ascii_case(SIGNATURE);
        let read = |pair: &'a Pair<'_>| {
            let name = unescape(&pair.name, style.escapes);
            (name, unescape(&pair.value, style.escapes))
        };
        Self::arrange(query.pairs().iter().filter(covered).map(read), style)
    }

    /// Parameters that are about to be sent.
    pub(super) fn of_pairs(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Self {
        let pairs = pairs.map(|(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value)));
        Self::arrange(pairs, Style::REFERENCE)
    }

    /// Sorts by name; parameters of one name stay in the order given. The reference sorts an array
    /// by its plain name and adds the brackets afterwards.
    fn arrange(pairs: impl Iterator<Item = Parameter<'a>>, style: Style) -> Self {
        let mut pairs: Vec<_> = pairs
            .map(|(name, value)| match style.names {
                Names::LowerCased => (lower_cased(name), value),
                Names::Verbatim => (name, value),
            })
            .collect();
        pairs.sort_by(|(one, _), (other, _)| plain_name(one).cmp(plain_name(other)));
        match style.arrays {
            Arrays::Repeated => Self(pairs),
            Arrays::Joined => Self(joined(pairs)),
        }
    }

    /// The parameters as they are signed.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }
}

/// The paths that may have been signed, likeliest first: as received, percent-decoded, and each
/// without the prefix under which a proxy mounts the API. At most four, all different.
pub(super) fn paths<'a>(path: &'a str, mount_prefix: &str) -> Vec<Cow<'a, str>> {
    let mut paths = vec![Cow::Borrowed(path)];
    paths.extend(percent_decode(path).filter(|decoded| decoded != path));
    let unmounted: Vec<_> = paths
        .iter()
        .filter_map(|path| without_mount(path, mount_prefix))
        .filter(|path| !path.is_empty())
        .map(|path| Cow::Owned(path.to_owned()))
        .collect();
    for path in unmounted {
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
    paths
}

fn unescape<'a>(component: &'a Component<'_>, escapes: Escapes) -> Cow<'a, str> {
    match escapes {
        Escapes::Decoded => Cow::Borrowed(&component.decoded),
        Escapes::Raw => Cow::Borrowed(component.raw),
        Escapes::FormDecoded => {
            let spaced = component.raw.replace('+', " ");
            let decoded = percent_decode(&spaced).map(Cow::into_owned);
            Cow::Owned(decoded.unwrap_or(spaced))
        }
    }
}

fn has_upper(name: &str) -> bool {
    name.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn lower_cased(mut name: Cow<'_, str>) -> Cow<'_, str> {
    if has_upper(&name) {
        name.to_mut().make_ascii_lowercase();
    }
    name
}

/// `k` of `k[]` and of `k[7]`.
fn array_name(name: &str) -> Option<&str> {
    let (plain, index) = name.strip_suffix(']')?.rsplit_once('[')?;
    index.bytes().all(|b| b.is_ascii_digit()).then_some(plain)
}

fn plain_name(name: &str) -> &str {
    array_name(name).unwrap_or(name)
}

/// Writes neighbouring elements of one array as one parameter.
fn joined(pairs: Vec<Parameter<'_>>) -> Vec<Parameter<'_>> {
    let mut arrays: Vec<Parameter<'_>> = Vec::with_capacity(pairs.len());
    // The array at the end of the list, while it may still grow.
    let mut open: Option<String> = None;
    for (name, value) in pairs {
        let array = array_name(&name).map(str::to_owned);
        match (&array, arrays.last_mut()) {
            (Some(_), Some((_, elements))) if array == open => {
                let elements = elements.to_mut();
                elements.push(',');
                elements.push_str(&value);
            }
            (Some(plain), _) => arrays.push((Cow::Owned(plain.clone()), value)),
            (None, _) => arrays.push((name, value)),
        }
        open = array;
    }
    arrays
}
