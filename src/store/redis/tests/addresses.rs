#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use std::time::Duration;

use redis::{ConnectionAddr, ProtocolVersion};

use super::{Address, Limits};
use crate::error::ErrorKind;

fn parse(url: &str) -> Address {
    Address::parse(url, Limits::default()).unwrap()
}

fn refusal(url: &str) -> String {
    let error = Address::parse(url, Limits::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    error.to_string()
}

#[test]
fn what_a_url_leaves_out_is_as_in_redis_py_except_the_time_limits() {
    let address = parse("redis://");
    let info = address.info();
    assert_eq!(*info.addr(), ConnectionAddr::Tcp("localhost".into(), 6379));
    let settings = info.redis_settings();
    assert_eq!((settings.db(), settings.username(), settings.password()), (0, None, None));
    assert!(info.tcp_settings().keepalive().is_none());
    assert_eq!(address.limits.connect_timeout, Duration::from_secs(5));
    assert_eq!(address.limits.operation_timeout, Duration::from_secs(5));
    assert_eq!(address.max_connections, None);
}

#[test]
fn the_options_of_a_url_mean_what_they_mean_to_redis_py() {
    let address = parse(
        "redis://user:pw@host:7/2?socket_timeout=0.5&socket_connect_timeout=2&socket_keepalive=yes\
         &max_connections=3&health_check_interval=30&protocol=3&client_name=app",
    );
    let info = address.info();
    assert_eq!(*info.addr(), ConnectionAddr::Tcp("host".into(), 7));
    let settings = info.redis_settings();
    assert_eq!((settings.db(), settings.username(), settings.password()), (2, Some("user"), Some("pw")));
    assert_eq!(settings.protocol(), ProtocolVersion::RESP3);
    assert!(info.tcp_settings().keepalive().is_some());
    assert_eq!(address.limits.operation_timeout, Duration::from_millis(500));
    assert_eq!(address.limits.connect_timeout, Duration::from_secs(2));
    assert_eq!(address.health_check_interval, Duration::from_secs(30));
    assert_eq!((address.max_connections, address.client_name.as_deref()), (Some(3), Some("app")));
}

#[test]
fn the_user_before_the_host_counts_more_than_the_options_and_the_database_less() {
    let address =
        parse("redis://user:pw@host/1?username=other&password=theirs&db=5&db=6&socket_keepalive=no");
    let info = address.info();
    let settings = info.redis_settings();
    assert_eq!((settings.db(), settings.username(), settings.password()), (5, Some("user"), Some("pw")));
    assert!(info.tcp_settings().keepalive().is_none());
}

#[test]
fn a_socket_is_a_path() {
    let address = parse("unix:///run/redis.sock?db=3&password=pw");
    let info = address.info();
    assert_eq!(*info.addr(), ConnectionAddr::Unix("/run/redis.sock".into()));
    assert_eq!((info.redis_settings().db(), info.redis_settings().password()), (3, Some("pw")));
    assert!(refusal("unix://").contains("path"));
}

#[test]
fn an_option_that_is_not_known_is_refused_by_its_name() {
    for name in ["decode_responses", "retry_on_timeout", "ssl_ciphers", "ssl_min_version", "nonsense"] {
        let message = refusal(&format!("rediss://:secret@host/0?{name}=1"));
        assert!(message.contains(name) && !message.contains("secret"), "{message}");
    }
    assert!(refusal("redis://host?ssl_cert_reqs=none").contains("rediss://"));
}

#[test]
fn a_value_that_makes_no_sense_is_refused_by_the_name_of_its_option() {
    for option in [
        "db=x",
        "protocol=4",
        "socket_timeout=0",
        "socket_timeout=-1",
        "socket_connect_timeout=soon",
        "health_check_interval=nan",
        "max_connections=0",
        "max_connections=many",
    ] {
        let (name, _) = option.split_once('=').unwrap();
        assert!(refusal(&format!("redis://host?{option}")).contains(name), "{option}");
    }
    for option in
        ["ssl_cert_reqs=perhaps", "ssl_ca_certs=/nowhere/ca.pem", "ssl_certfile=/dev/null", "ssl_ca_data=x"]
    {
        let message = refusal(&format!("rediss://host?{option}"));
        assert!(message.contains("ssl_") || message.contains("PEM"), "{message}");
    }
    assert!(refusal("redis://host/first").contains("database"));
    assert!(refusal("http://host").contains("redis://"));
}

#[test]
fn neither_user_nor_password_is_shown() {
    let shown = format!("{:?}", parse("redis://someone:secret@host:7/2"));
    assert_eq!(shown, "Address { server: \"host:7\", db: 2 }");
}

#[test]
fn sentinels_are_several_places_and_a_service() {
    let address = parse(
        "redis+sentinel://user:pw@one,two:7/3?service_name=mymaster&sentinel_username=s&sentinel_password=hidden",
    );
    let settings = address.info().redis_settings();
    assert_eq!((settings.db(), settings.username(), settings.password()), (3, Some("user"), Some("pw")));
    assert_eq!(
        format!("{address:?}"),
        "Address { sentinels: Sentinels { service: \"mymaster\", addresses: [\"one:26379\", \"two:7\"], .. }, db: 3 }"
    );
    assert!(refusal("redis+sentinel://one").contains("service_name"));
    assert!(refusal("redis://one,two").contains("redis+sentinel://"));
    for option in ["service_name=x", "sentinel_username=x", "sentinel_password=x"] {
        let (name, _) = option.split_once('=').unwrap();
        assert!(refusal(&format!("redis://host?{option}")).contains(name), "{option}");
    }
}
