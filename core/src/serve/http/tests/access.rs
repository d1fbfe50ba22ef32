//! Who may do what: tokens, subjects, scopes, rates and origins.

use serde_json::json;

use super::*;
use crate::config::Reads;

#[tokio::test]
async fn who_writes_needs_a_token_for_the_user() {
    let site = Site::new(&config());
    let (path, body) = ("/api/v2/presence/alice", json!({"status": "busy"}).to_string());
    let put = async |token: Option<&str>| site.ask("PUT", path, token, body.clone()).await;
    let none = put(None).await;
    assert!(none.error(401).contains("needs a token"));
    assert_eq!(none.headers["www-authenticate"], "Bearer");
    assert!(put(Some("x.y.z")).await.error(401).contains("JSON Web Token"));
    let mallory = token("mallory", None);
    assert!(put(Some(&mallory)).await.error(403).contains("not this user"));
    assert!(put(Some(&token("mallory", Some("presence:read")))).await.error(403).contains("scope"));
    assert!(put(Some(&token("Alice", None))).await.error(403).contains("not this user"));
    let basic =
        Request::builder().method("PUT").uri(path).header("authorization", "Basic eDp5").body(Body::from(body.clone()));
    assert!(site.send(basic.expect("a request")).await.error(401).contains("Bearer"));
    assert_eq!(site.get(path).await.data()["alice"]["status"], "offline", "nothing was changed");
    assert_eq!(put(Some(&token("alice", None))).await.data()["alice"]["status"], "busy");
    assert_eq!(put(Some(&admin())).await.data()["alice"]["status"], "busy");
    // Every other way to change something.
    for (method, path, body) in [
        ("DELETE", "/api/v2/presence/alice", ""),
        ("POST", "/api/v2/presence/alice/heartbeat", "{}"),
        ("PUT", "/api/v2/presence/alice/choice", "{\"status\":\"away\"}"),
        ("POST", "/api/v2/purge", "{\"user_id\":\"alice\"}"),
    ] {
        site.ask(method, path, None, body).await.error(401);
        site.ask(method, path, Some(&mallory), body).await.error(403);
    }
    let own = site.ask("POST", "/api/v2/purge", Some(&token("alice", None)), "{\"user_id\":\"alice\"}").await;
    assert!(own.error(403).contains("presence:admin"), "what ends sessions of any node is for administrators");
    assert_eq!(site.get(path).await.data()["alice"]["status"], "busy");
    let metrics = site.engine.metrics().expect("metrics");
    assert!(metrics.is_empty() || metrics.iter().all(|m| m.name != "headwater_http_requests_total"), "no door is open");
}

#[tokio::test]
async fn without_auth_nobody_writes_and_everybody_reads() {
    let site = Site::new(&Config { auth: None, ..config() });
    let put = site.ask("PUT", "/api/v2/presence/alice", Some(&admin()), "{\"status\":\"busy\"}").await;
    assert!(put.error(403).contains("[auth]"));
    assert_eq!(site.get("/api/v2/presence/alice").await.data()["alice"]["status"], "offline");
}

#[tokio::test]
async fn reads_may_need_a_token_too() {
    let mut config = config();
    config.auth.as_mut().expect("it is set").reads = Reads::Token;
    let site = Site::new(&config);
    for path in [
        "/api/v2/presence/alice",
        "/api/v2/presence?users=a",
        "/api/v2/spaces",
        "/api/v2/status",
        "/api/v2/spaces/x/watch",
    ] {
        assert!(site.get(path).await.error(401).contains("token"), "{path}");
    }
    site.ask("POST", "/api/v2/presence/batch", None, "{\"user_ids\":[]}").await.error(401);
    assert_eq!(
        site.ask("GET", "/api/v2/presence/alice", Some(&token("bob", None)), "").await.data()["alice"]["status"],
        "offline"
    );
    for path in ["/health/liveness", "/health/readiness", "/metrics", "/api/openapi.json", "/"] {
        assert_eq!(site.get(path).await.status, StatusCode::OK, "{path}");
    }
    // In the address only where a header can't be set.
    let query = format!("access_token={}", token("bob", None));
    site.get(&format!("/api/v2/presence/alice?{query}")).await.error(401);
    assert!(site.get(&format!("/api/v2/spaces//watch?{query}")).await.error(400).contains("a space has a name"));
}

#[tokio::test]
async fn who_is_invisible_is_known_to_who_may_know() {
    let site = Site::new(&config());
    let alice = token("alice", None);
    site.put("/api/v2/presence/alice", &json!({"status": "online", "message": "here"})).await.data();
    let hidden = site.ask("PUT", "/api/v2/presence/alice/choice", Some(&alice), "{\"invisible\":true}").await.data();
    assert_eq!((&hidden["alice"]["invisible"], &hidden["alice"]["status"]), (&json!(true), &json!("online")));
    for path in ["/api/v2/presence/alice", "/api/v2/presence?users=alice"] {
        for (token, status) in [
            (None, "offline"),
            (Some(token("bob", None)), "offline"),
            (Some(alice.clone()), "online"),
            (Some(admin()), "online"),
        ] {
            let told = site.ask("GET", path, token.as_deref(), "").await.data()["alice"].clone();
            assert_eq!(told["status"], status, "{path}");
            assert_eq!(told["sessions"].as_array().map(Vec::len), Some(usize::from(status == "online")), "{path}");
        }
    }
    assert_eq!(site.get("/api/v2/presence/alice/sessions").await.data()["sessions"], json!([]));
    assert_eq!(site.get("/api/v2/spaces/default/users").await.data()["users"], json!([]));
    assert_eq!(site.get("/api/v2/spaces/default/counts").await.data()["users"], 0);
}

#[tokio::test]
async fn who_asks_too_often_waits() {
    let mut config = config();
    (config.http.rate, config.http.burst) = (1, 3);
    let site = Site::new(&config);
    for _ in 0..3 {
        assert_eq!(site.from("10.0.0.1:1", "/health/liveness").await.status, StatusCode::OK);
    }
    let refused = site.from("10.0.0.1:2", "/health/liveness").await;
    assert!(refused.error(429).contains("too many"));
    assert_eq!(
        (&refused.headers["retry-after"], &refused.headers["headwater-kind"]),
        (&"1".parse().expect("it"), &"limit".parse().expect("it"))
    );
    assert_eq!(site.from("10.0.0.2:1", "/health/liveness").await.status, StatusCode::OK, "another address");
    // One token, wherever it comes from.
    let alice = token("alice", None);
    for _ in 0..3 {
        site.ask("GET", "/api/v2/presence/x", Some(&alice), "").await.data();
    }
    site.ask("GET", "/api/v2/presence/x", Some(&alice), "").await.error(429);
    site.ask("GET", "/api/v2/presence/x", Some(&token("alice", Some("presence:admin"))), "").await.error(429);
    site.ask("GET", "/api/v2/presence/x", Some(&token("bob", None)), "").await.data();
}

#[tokio::test]
async fn other_pages_may_call_only_where_it_is_said() {
    let asked = |method: &str, origin: &str| {
        let request = Request::builder().method(method).uri("/api/v2/presence/a").header("origin", origin);
        request.header("access-control-request-method", "PUT").body(Body::empty()).expect("a request")
    };
    let closed = Site::new(&config());
    let told = closed.send(asked("OPTIONS", "https://a.example")).await;
    assert_eq!(told.status, StatusCode::METHOD_NOT_ALLOWED);
    assert!(!told.headers.contains_key("access-control-allow-origin"));
    let mut config = config();
    config.http.cors_origins = vec!["https://a.example".to_owned()];
    let open = Site::new(&config);
    let told = open.send(asked("OPTIONS", "https://a.example")).await;
    assert_eq!(
        (told.status, &told.headers["access-control-allow-origin"]),
        (StatusCode::NO_CONTENT, &"https://a.example".parse().expect("it"))
    );
    assert!(told.headers["access-control-allow-headers"].to_str().expect("text").contains("authorization"));
    let told = open.send(asked("GET", "https://a.example")).await;
    assert_eq!(
        (&told.headers["access-control-allow-origin"], &told.headers["vary"]),
        (&"https://a.example".parse().expect("it"), &"origin".parse().expect("it"))
    );
    for other in ["https://b.example", "https://a.example.evil", "null", "http://a.example"] {
        let told = open.send(asked("OPTIONS", other)).await;
        assert!(
            told.status == StatusCode::METHOD_NOT_ALLOWED && !told.headers.contains_key("access-control-allow-origin"),
            "{other}"
        );
    }
}

#[tokio::test]
async fn other_rules_are_taken_while_it_is_open() {
    let site = Site::new(&config());
    let mut other = config();
    other.auth.as_mut().expect("it is set").jwt_secret = Some("another one".to_owned());
    let body = "{\"status\":\"busy\"}";
    site.ask("PUT", "/api/v2/presence/alice", Some(&token("alice", None)), body).await.data();
    site.door.reload(&other).expect("it is good");
    site.ask("PUT", "/api/v2/presence/alice", Some(&token("alice", None)), body).await.error(401);
    let broken = AuthConfig { jwks: Some("/nowhere".into()), ..AuthConfig::default() };
    assert!(site.door.reload(&Config { auth: Some(broken), ..config() }).is_err());
    site.ask("PUT", "/api/v2/presence/alice", Some(&token("alice", None)), body).await.error(401);
    site.door.reload(&config()).expect("it is good");
    site.ask("PUT", "/api/v2/presence/alice", Some(&token("alice", None)), body).await.data();
}
