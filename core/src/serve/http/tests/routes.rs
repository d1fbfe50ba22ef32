//! What each path answers, within its bounds, and whether the document names them all.

use serde_json::json;

use super::*;

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[tokio::test]
async fn a_session_is_set_read_renewed_and_ended() {
    let site = Site::new(&config());
    let set = json!({
        "status": "busy", "message": "x", "ttl": 60, "device": "phone", "metadata": {"a": [1, null]}, "session": "s1",
    });
    let put = site.put("/api/v2/presence/alice", &set).await.data();
    let alice = &put["alice"];
    assert_eq!(
        (&alice["user_id"], &alice["status"], &alice["message"], &alice["ttl"]),
        (&json!("alice"), &json!("busy"), &json!("x"), &json!(60))
    );
    let got = site.get("/api/v2/presence/alice").await.data();
    let session = &got["alice"]["sessions"][0];
    assert_eq!(
        (&session["session"], &session["metadata"], &session["device"]),
        (&json!("s1"), &set["metadata"], &set["device"])
    );
    assert_eq!(
        (&got["alice"]["stale"], &got["alice"]["ttl"], session["ttl"].as_f64()),
        (&json!(false), &json!(60), Some(60.0))
    );
    assert!(
        got["alice"]["last_seen"].is_string()
            && got["alice"]["updated_at"].is_string()
            && got["alice"]["node_id"].is_string()
    );
    assert_eq!(site.get("/api/v2/presence/alice/sessions").await.data()["sessions"], got["alice"]["sessions"]);
    let alice = token("alice", None);
    let beat = site
        .ask("POST", "/api/v2/presence/alice/heartbeat", Some(&alice), "{\"session\":\"s1\",\"active\":true}")
        .await
        .data();
    assert_eq!((beat["ttl"].as_f64(), beat["expires_at"].is_string()), (Some(60.0), true));
    let unknown = site.ask("POST", "/api/v2/presence/alice/heartbeat", Some(&alice), "{\"session\":\"s2\"}").await;
    unknown.error(404);
    let chosen = site
        .ask("PUT", "/api/v2/presence/alice/choice", Some(&alice), "{\"status\":\"away\",\"ttl\":1.5}")
        .await
        .data();
    assert_eq!((&chosen["alice"]["status"], &chosen["alice"]["chosen"]), (&json!("away"), &json!(true)));
    site.ask("PUT", "/api/v2/presence/alice/choice", Some(&alice), "{}").await.data();
    site.put("/api/v2/presence/bob", &json!({"status": "online", "space": "office"})).await.data();
    assert_eq!(site.get("/api/v2/presence/bob?space=office").await.data()["bob"]["status"], "online");
    assert_eq!(site.get("/api/v2/presence/bob").await.data()["bob"]["status"], "offline");
    let spaces = site.get("/api/v2/spaces").await.data()["spaces"].clone();
    assert_eq!(
        (&spaces[0]["space"], &spaces[1]["space"], &spaces[1]["counts"]["online"]),
        (&json!("default"), &json!("office"), &json!(1))
    );
    assert_eq!(site.get("/api/v2/spaces/default/counts").await.data()["busy"], 1);
    let left = site.ask("DELETE", "/api/v2/presence/alice?session=s1", Some(&alice), "").await.data();
    assert_eq!((&left["alice"]["status"], &left["alice"]["sessions"]), (&json!("offline"), &json!([])));
    let purged = site.ask("POST", "/api/v2/purge", Some(&admin()), "{\"space\":\"office\"}").await.data();
    assert_eq!(purged, json!({"ended": 1}));
    assert_eq!(site.get("/api/v2/status").await.data()["name"], "presence");
}

#[tokio::test]
async fn many_users_are_asked_for_at_once() {
    let site = Site::new(&config());
    for user in ["alice", "bob", "a,b", "batch"] {
        let path = format!("/api/v2/presence/{}", user.replace(',', "%2C"));
        site.put(&path, &json!({"status": "busy"})).await.data();
    }
    let told = site.get("/api/v2/presence?users=alice,%20bob,carol").await.data();
    assert_eq!(keys(&told), ["alice", "bob", "carol"]);
    assert_eq!((&told["bob"]["status"], &told["carol"]["status"]), (&json!("busy"), &json!("offline")));
    assert_eq!(keys(&site.get("/api/v2/presence?users=alice%2Cbob").await.data()), ["alice", "bob"]);
    assert_eq!(site.get("/api/v2/presence?user=a,b").await.data()["a,b"]["status"], "busy");
    let batch = site.ask("POST", "/api/v2/presence/batch", None, "{\"user_ids\":[\"a,b\",\"alice\"]}").await.data();
    assert_eq!((keys(&batch), &batch["a,b"]["status"]), (vec!["a,b", "alice"], &json!("busy")));
    assert_eq!(site.get("/api/v2/presence/batch").await.data()["batch"]["status"], "busy", "it is a user's name too");
    let left = site.ask("DELETE", "/api/v2/presence/batch", Some(&token("batch", None)), "").await.data();
    assert_eq!(left["batch"]["status"], "offline");
    let ids: Vec<String> = (0..1_001).map(|n| format!("u{n}")).collect();
    let most =
        site.ask("POST", "/api/v2/presence/batch", None, json!({"user_ids": ids[..1_000]}).to_string()).await.data();
    assert_eq!(most.as_object().map(serde_json::Map::len), Some(1_000));
    let more = site.ask("POST", "/api/v2/presence/batch", None, json!({"user_ids": ids}).to_string()).await;
    assert!(more.error(400).contains("1000 at the most"));
    assert!(site.get("/api/v2/presence").await.error(400).contains("users=alice,bob"));
    assert_eq!(site.ask("POST", "/api/v2/presence/batch", None, "{\"user_ids\":[]}").await.data(), json!({}));
}

#[tokio::test]
async fn names_come_back_as_they_were_or_are_refused() {
    let site = Site::new(&config());
    for name in [
        "*",
        ">",
        ".",
        "..",
        "a b",
        " ",
        "😀",
        "a/b",
        "é\u{301}",
        "%2F",
        "$HW.x",
        "a?b#c",
        "\u{202e}x",
        &"x".repeat(128),
    ] {
        let escaped: String = name.bytes().fold(String::new(), |text, byte| format!("{text}%{byte:02X}"));
        let path = format!("/api/v2/presence/{escaped}");
        let put =
            site.put(&path, &json!({"status": "busy", "session": name, "space": name, "message": name})).await.data();
        assert_eq!(put[name]["user_id"], name);
        let got = site.get(&format!("{path}?space={escaped}")).await.data();
        assert_eq!((&got[name]["message"], &got[name]["sessions"][0]["session"]), (&json!(name), &json!(name)));
        let listed = site.get(&format!("/api/v2/spaces/{escaped}/users")).await.data();
        assert_eq!(listed["users"][0]["user_id"], name);
        assert_eq!(site.get("/api/v2/presence/someone%20else").await.data()["someone else"]["status"], "offline");
    }
    for (name, said) in [
        ("x".repeat(129), "128 bytes"),
        ("%00".into(), "control character"),
        ("%0A".into(), "control"),
        ("%FF".into(), "UTF-8"),
        ("x".repeat(60_000), "128 bytes"),
    ] {
        let told = site.put(&format!("/api/v2/presence/{name}"), &json!({"status": "busy"})).await;
        assert!(told.error(400).contains(said), "{name}: {}", told.text);
    }
    let long = "x".repeat(64 << 10);
    let told = site.ask("POST", "/api/v2/presence/batch", None, json!({"user_ids": [long]}).to_string()).await;
    assert!(told.error(400).contains("has 65536"));
    site.put("/api/v2/presence/", &json!({"status": "busy"})).await.error(404);
}

#[tokio::test]
async fn what_is_beyond_its_bounds_is_refused_by_name() {
    let site = Site::new(&config());
    let alice = "/api/v2/presence/alice";
    for (body, said) in [
        ("", "the body"),
        ("{", "the body"),
        ("[]", "the body"),
        ("{}", "`status`"),
        ("{\"status\":\"sleeping\"}", "'sleeping' is no status"),
        ("{\"status\":\"unknown\"}", "can't be set"),
        ("{\"status\":1}", "the body"),
        ("{\"status\":\"busy\",\"tll\":1}", "`tll`"),
        ("{\"status\":\"busy\",\"ttl\":0}", "1 s to 86400 s"),
        ("{\"status\":\"busy\",\"ttl\":-1}", "seconds"),
        ("{\"status\":\"busy\",\"ttl\":1e300}", "seconds"),
        ("{\"status\":\"busy\",\"ttl\":86401}", "86400"),
        ("{\"status\":\"busy\",\"ttl\":\"1h\"}", "the body"),
    ] {
        let told = site.ask("PUT", alice, Some(&admin()), body).await;
        assert!(told.error(400).contains(said), "{body}: {}", told.text);
    }
    let long = |bytes: usize| json!({"status": "busy", "message": "x".repeat(bytes)});
    assert!(site.put(alice, &long(1_025)).await.error(400).contains("1024 bytes"));
    site.put(alice, &long(1_024)).await.data();
    assert!(site.put(alice, &long(65 << 10)).await.error(413).contains("65536 bytes"));
    assert!(
        site.put(alice, &json!({"status": "busy", "metadata": "x".repeat(4_095)})).await.error(400).contains("4096")
    );
    for session in 1..64 {
        site.put(alice, &json!({"status": "busy", "session": format!("s{session}")})).await.data();
    }
    site.put(alice, &json!({"status": "busy", "session": "one more"})).await.error(507);
    for (path, said) in [
        ("/api/v2/presence/alice?spce=x", "'spce'"),
        ("/api/v2/spaces/default/users?limit=0", "1 to 10000"),
        ("/api/v2/spaces/default/users?limit=x", "whole number"),
        ("/api/v2/spaces/default/watch?after=x", "whole number"),
        ("/api/v2/presence/alice?space=", "a space has a name"),
    ] {
        let told = site.get(path).await;
        assert!(told.error(400).contains(said), "{path}: {}", told.text);
    }
    assert!(site.get("/api/v2/nowhere").await.error(404).contains("openapi.json"));
    site.ask("PATCH", alice, None, "").await.error(405);
    site.ask("POST", "/health/liveness", None, "").await.error(405);
}

#[tokio::test]
async fn a_space_is_read_page_by_page() {
    let site = Site::new(&config());
    for number in 0..25 {
        site.put(&format!("/api/v2/presence/u{number:02}"), &json!({"status": "busy"})).await.data();
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    for page in 0..3 {
        let told = site.get(&format!("/api/v2/spaces/default/users?limit=10&after={after}")).await.data();
        let users = told["users"].as_array().expect("users");
        seen.extend(users.iter().map(|user| user["user_id"].as_str().expect("a name").to_owned()));
        assert_eq!(told.get("next").is_some(), page < 2);
        after = told["next"].as_str().unwrap_or_default().to_owned();
    }
    assert_eq!(seen, (0..25).map(|number| format!("u{number:02}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn who_asks_for_what_is_not_there_leaves_nothing_behind() {
    let presence = PresenceConfig { cold_users: 1, ..PresenceConfig::default() };
    let site = Site::new(&Config { presence: Some(presence), ..config() });
    // More users who were there than are kept in memory, so that reads look into the log.
    for number in 0..2_000 {
        let path = format!("/api/v2/presence/u{number}");
        site.put(&path, &json!({"status": "busy"})).await.data();
        site.ask("DELETE", &path, Some(&admin()), "").await.data();
    }
    for number in 0..200 {
        let space = format!("nowhere{number}");
        site.get(&format!("/api/v2/presence/u{number}?space={space}")).await.data();
        site.get(&format!("/api/v2/spaces/{space}/counts")).await.data();
        site.get(&format!("/api/v2/spaces/{space}/users")).await.data();
        let request = Request::builder().uri(format!("/api/v2/spaces/{space}/watch")).body(Body::empty());
        let answer = site.router.clone().oneshot(request.expect("a request")).await.expect("it never fails");
        assert_eq!(answer.status(), StatusCode::OK);
        let spaces = site.get("/api/v2/spaces").await.data()["spaces"].as_array().map(Vec::len);
        assert_eq!(spaces, Some(2), "while it is followed");
        drop(answer);
    }
    assert_eq!(site.get("/api/v2/spaces").await.data()["spaces"].as_array().map(Vec::len), Some(1));
    assert!(site.get("/api/v2/presence/u7").await.data()["u7"]["last_seen"].is_string(), "who was there is known");
}

#[tokio::test]
async fn a_node_without_presence_says_so() {
    let site = Site::new(&Config { presence: None, ..config() });
    for path in [
        "/api/v2/presence/alice",
        "/api/v2/presence?users=a",
        "/api/v2/spaces",
        "/api/v2/spaces/x/watch",
        "/api/v2/status",
    ] {
        assert!(site.get(path).await.error(404).contains("[presence]"), "{path}");
    }
    assert!(site.put("/api/v2/presence/alice", &json!({"status": "busy"})).await.error(404).contains("[presence]"));
    assert_eq!(site.get("/health/readiness").await.text, "ready\n");
}

#[tokio::test]
async fn readiness_fails_with_its_reasons() {
    let site = Site::new(&config());
    assert_eq!(site.get("/health/readiness").await.text, "ready\n");
    site.engine.close().expect("it closes");
    let told = site.get("/health/readiness").await;
    assert!(told.status == StatusCode::SERVICE_UNAVAILABLE && told.text.contains("closed"), "{}", told.text);
    assert_eq!(site.get("/health/liveness").await.text, "alive\n");
    site.get("/api/v2/presence/alice").await.error(410);
}

#[tokio::test]
async fn the_document_names_every_path_and_field() {
    let site = Site::new(&config());
    let document = site.get("/api/openapi.json").await.json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.")));
    let told = include_str!("../../../../../docs/http.md");
    for (path, item) in document["paths"].as_object().expect("paths") {
        assert!(told.contains(&format!("`{path}`")) || told.contains(path), "docs/http.md has nothing of {path}");
        for (method, operation) in item.as_object().expect("methods") {
            // Following never ends; it is asked for what can't be.
            let mut asked = path.replace("{user_id}", "alice").replace("{space}", "default");
            if path.ends_with("/watch") {
                asked.push_str("?after=x");
            }
            let answered = site.ask(&method.to_uppercase(), &asked, Some(&admin()), "{}").await;
            let is_there = !matches!(answered.status.as_u16(), 405 | 500 | 501);
            assert!(
                is_there && (answered.status != StatusCode::NOT_FOUND || path.ends_with("heartbeat")),
                "{method} {path}: {}",
                answered.text
            );
            assert!(operation["responses"].as_object().is_some_and(|all| !all.is_empty()), "{method} {path}");
            assert_eq!(
                operation["security"].is_array(),
                method != "get" && !path.ends_with("batch"),
                "{method} {path}"
            );
        }
    }
    // And the other way round: what the router takes is in the document, or a file of the page.
    let handled = [
        "/api/v2/presence",
        "/api/v2/presence/{user_id}",
        "/api/v2/spaces/{space}/watch",
        "/health/readiness",
        "/metrics",
    ];
    assert!(handled.iter().all(|path| document["paths"].get(path).is_some()));
    // What is told of answers is what answers are.
    site.put("/api/v2/presence/alice", &json!({"status": "busy", "message": "x", "device": "d", "metadata": 1}))
        .await
        .data();
    let schemas = &document["components"]["schemas"];
    let user = site.get("/api/v2/presence/alice").await.data()["alice"].clone();
    let told_of = |of: &str, value: &Value| {
        let known = &schemas[of]["properties"];
        assert!(keys(value).iter().all(|key| known.get(key).is_some()), "{of}: {value} {known}");
        let needed = schemas[of]["required"].as_array().cloned().unwrap_or_default();
        assert!(
            needed.iter().all(|key| value.get(key.as_str().expect("a name")).is_some()),
            "{of}: {value} {needed:?}"
        );
    };
    told_of("User", &user);
    told_of("Session", &user["sessions"][0]);
    told_of("SpaceCounts", &site.get("/api/v2/spaces/default/counts").await.data());
    told_of("Page", &site.get("/api/v2/spaces/default/users").await.data());
    told_of("User", &site.get("/api/v2/spaces/default/users").await.data()["users"][0]);
    told_of("Standing", &site.get("/api/v2/status").await.data());
    told_of("Refusal", &json!({"success": false, "error": "x"}));
    let lease = site.ask("POST", "/api/v2/presence/alice/heartbeat", Some(&admin()), "{}").await.data();
    told_of("LeaseData", &lease);
}

#[tokio::test]
async fn answers_are_kept_by_no_cache_and_the_page_runs_nothing_from_elsewhere() {
    let site = Site::new(&config());
    let told = site.get("/api/v2/presence/alice").await;
    assert_eq!(
        (&told.headers["cache-control"], &told.headers["x-content-type-options"], &told.headers["content-type"]),
        (&"no-store".parse().expect("it"), &"nosniff".parse().expect("it"), &"application/json".parse().expect("it"))
    );
    let page = site.get("/").await;
    assert!(page.text.contains("/page.js") && page.text.contains("/page.css") && !page.text.contains("<script>"));
    let policy = page.headers["content-security-policy"].to_str().expect("text");
    assert!(
        policy.contains("default-src 'none'") && policy.contains("script-src 'self'") && !policy.contains("unsafe")
    );
    for (path, kind) in [("/page.js", "text/javascript"), ("/page.css", "text/css")] {
        let told = site.get(path).await;
        assert!(
            told.status == StatusCode::OK && told.headers["content-type"].to_str().expect("text").starts_with(kind)
        );
        assert!(!told.text.replace("http://www.w3.org/2000/svg", "").contains("://"), "{path} calls nobody else");
    }
}
