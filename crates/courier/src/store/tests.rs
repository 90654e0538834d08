//! Both stores behave alike; one of them also after a restart.
