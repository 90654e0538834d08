//! A section of settings: one declaration makes the struct, its defaults, the names in every
//! source, the checks and the documentation.

use super::value::{Found, Mismatch};

/// What is known of a setting apart from its value.
#[derive(Debug)]
pub(super) struct Row {
    /// The name within the section, as in the file.
    pub(super) name: &'static str,
    /// What it is for, line by line.
    pub(super) doc: &'static [&'static str],
    /// A name that needs no section in the environment and on the command line.
    pub(super) short: Option<&'static str>,
    /// What values are valid.
    pub(super) expected: fn() -> String,
}

/// The settings of one section with their values.
pub(super) trait Section {
    /// The heading in the file and the part of the variables' names.
    fn heading(&self) -> &'static str;

    /// What the section is for, line by line.
    fn doc(&self) -> &'static [&'static str];

    /// The settings, in the order of the documentation.
    fn rows(&self) -> &'static [Row];

    /// Sets the setting of this name, or says why the value does not fit.
    fn set(&mut self, name: &str, found: Found<'_>) -> Result<(), Mismatch>;

    /// The value of the setting of this name as the file would have it; hidden if it is a secret.
    fn literal(&self, name: &str) -> String;

    /// The setting of this name, if the section has one.
    fn row(&self, name: &str) -> Option<&'static Row> {
        self.rows().iter().find(|row| row.name == name)
    }
}

/// Declares a section. A setting is one entry:
/// `/// What it is for.` `name: Type = default, in bounds, short "name";`
macro_rules! section {
    (
        $(#[doc = $about:literal])+
        $heading:literal $section:ident {
            $(
                $(#[doc = $doc:literal])+
                $name:ident: $type:ty = $default:expr
                $(, in $bounds:expr)? $(, short $short:literal)?;
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $section {
            $( $(#[doc = $doc])+ pub $name: $type, )+
        }

        impl Default for $section {
            fn default() -> Self {
                Self { $( $name: $default, )+ }
            }
        }

        impl $crate::section::Section for $section {
            fn heading(&self) -> &'static str {
                $heading
            }

            fn doc(&self) -> &'static [&'static str] {
                &[$($about),+]
            }

            fn rows(&self) -> &'static [$crate::section::Row] {
                const ROWS: &[$crate::section::Row] = &[$(
                    $crate::section::Row {
                        name: stringify!($name),
                        doc: &[$($doc),+],
                        short: $crate::section::first(&[$($short)?]),
                        expected: || {
                            <$type as $crate::value::Value>::expected(
                                $crate::section::bounds(&[$($bounds)?]),
                            )
                        },
                    },
                )+];
                ROWS
            }

            fn set(
                &mut self,
                name: &str,
                found: $crate::value::Found<'_>,
            ) -> Result<(), $crate::value::Mismatch> {
                match name {
                    $(
                        stringify!($name) => {
                            let bounds = $crate::section::bounds(&[$($bounds)?]);
                            self.$name = $crate::value::read(found, bounds)?;
                        }
                    )+
                    _ => {}
                }
                Ok(())
            }

            fn literal(&self, name: &str) -> String {
                match name {
                    $(
                        stringify!($name) => {
                            $crate::value::Value::literal(&self.$name)
                        }
                    )+
                    _ => String::new(),
                }
            }
        }
    };
}

pub(super) use section;

/// The only name, if there is one.
pub(super) const fn first(names: &[&'static str]) -> Option<&'static str> {
    match names {
        [name, ..] => Some(name),
        [] => None,
    }
}

/// The only bounds, or none.
pub(super) const fn bounds(given: &[super::value::Bounds]) -> super::value::Bounds {
    match given {
        [bounds, ..] => *bounds,
        [] => super::value::Bounds::NONE,
    }
}
