//! Apps that are kept in a database: SQLite, PostgreSQL or MySQL.
//!
//! It owns the tables and their queries. It must not know which apps are in use, how long an answer
//! is believed, or what an app may do.
