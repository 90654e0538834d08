//! How a name is looked for in a column that may be of any type.

use crate::pool::Pool;

/// How a column is compared with texts: by its index, where there can be one for that. More may be
/// found than was asked for, as `a` for `A`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Search {
    /// The column is text, or the database takes one for the other.
    AsItIs,
    /// The column is text that is filled up with blanks.
    Padded,
    /// The database compares texts only.
    AsText,
}

impl Search {
    /// The best for a column of this type, as the database calls it.
    pub(crate) fn of(pool: &Pool, column_type: &str) -> Self {
        match (pool, column_type) {
            (Pool::Mysql(_), _)
            | (Pool::Sqlite(_), "TEXT" | "INTEGER" | "INT4")
            | (Pool::Postgres(_), "TEXT" | "VARCHAR") => Self::AsItIs,
            (Pool::Postgres(_), "CHAR") => Self::Padded,
            (Pool::Sqlite(_) | Pool::Postgres(_), _) => Self::AsText,
        }
    }

    /// The condition that `column` has one of these values.
    pub(crate) fn condition(self, pool: &Pool, column: &str, values: &[&str]) -> String {
        let (column, mark) = match self.for_values(pool, values) {
            Self::AsItIs => (column.to_owned(), "?"),
            Self::Padded => (column.to_owned(), "CAST(? AS bpchar)"),
            Self::AsText => (pool.text(column), "?"),
        };
        let marks = vec![mark; values.len()].join(", ");
        format!("{column} IN ({marks})")
    }

    /// MySQL refuses to compare a column with a text that its character set does not have, and all
    /// of them have ASCII.
    fn for_values(self, pool: &Pool, values: &[&str]) -> Self {
        let is_mysql = matches!(pool, Pool::Mysql(_));
        match is_mysql && !values.iter().all(|value| value.is_ascii()) {
            true => Self::AsText,
            false => self,
        }
    }
}

#[cfg(test)]
mod tests {
    use foghorn_config::DatabaseConfig;

    use super::*;

    #[tokio::test]
    async fn an_index_is_of_use_where_there_can_be_one() {
        let shown = |url: &str, column_type: &str, values: &[&str]| {
            let pool = Pool::connect(url, &DatabaseConfig::default(), 1).unwrap();
            Search::of(&pool, column_type).condition(&pool, "k", values)
        };
        for (url, column_type, expect) in [
            ("sqlite://a.db", "TEXT", "k IN (?, ?)"),
            ("sqlite://a.db", "INTEGER", "k IN (?, ?)"),
            ("sqlite://a.db", "NULL", "CAST(k AS TEXT) IN (?, ?)"),
            ("postgres://a/b", "VARCHAR", "k IN (?, ?)"),
            (
                "postgres://a/b",
                "CHAR",
                "k IN (CAST(? AS bpchar), CAST(? AS bpchar))",
            ),
            ("postgres://a/b", "INT4", "CAST(k AS TEXT) IN (?, ?)"),
            ("mysql://a/b", "VARCHAR", "k IN (?, ?)"),
            ("mysql://a/b", "INT", "k IN (?, ?)"),
        ] {
            assert_eq!(shown(url, column_type, &["a", "b"]), expect, "{url}");
        }
        let far = shown("mysql://a/b", "VARCHAR", &["a", "ä"]);
        assert_eq!(far, "CAST(k AS CHAR) IN (?, ?)");
    }
}
