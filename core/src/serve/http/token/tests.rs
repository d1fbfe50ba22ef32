//! Tokens that are good, and all the ways in which they are not.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::*;
use crate::clock::{Clock, SystemClock};

const SECRET: &str = "a secret of thirty-two bytes, or more";
/// A public key, and what its private key, which nobody has any more, signed: subject alice, issuer tests, key r1, good
/// to the year 2100.
const RSA_PEM: &str = "-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAuvTAnIZLzqeoEE6w0MOW
snhdWUg2dSJ0eRmcIH5+r3Bnvjfk/UyXrXM1zyGd7BU3aULyQZEZfzIJLb4mRFYE
kgcr54cinVrI4fZ6WFx2en7Z8keAnMp/lOODPWq3GMJ8fF2GGRpOR98GZO3wBwZB
pTzwunI/aGRYDIjnBCxqzcfL7U0enmaVRdJrgWAZmd93uDwH0KIk2VY3IhNYrRS+
DmrhTzbBMlbPxOwnSIU2XLgkxHJVAP4luO4wuQIzIANRSBGKqu7Dux6conFZZ1CI
c+Ykk9Lob0N34qfXcz2Ez/7sHZTs5B+o/d7cvYgyRt27Gr8QH87sAqPa9aJPG08w
wwIDAQAB
-----END PUBLIC KEY-----
";
const RSA_MODULUS: &str = "\
uvTAnIZLzqeoEE6w0MOWsnhdWUg2dSJ0eRmcIH5-r3Bnvjfk_UyXrXM1zyGd7BU3aULyQZEZfzIJLb4mRFYEkgcr54cinVrI4fZ6\
WFx2en7Z8keAnMp_lOODPWq3GMJ8fF2GGRpOR98GZO3wBwZBpTzwunI_aGRYDIjnBCxqzcfL7U0enmaVRdJrgWAZmd93uDwH0KIk\
2VY3IhNYrRS-DmrhTzbBMlbPxOwnSIU2XLgkxHJVAP4luO4wuQIzIANRSBGKqu7Dux6conFZZ1CIc-Ykk9Lob0N34qfXcz2Ez_7s\
HZTs5B-o_d7cvYgyRt27Gr8QH87sAqPa9aJPG08www";
const RSA_TOKEN: &str = "\
eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6InIxIn0.eyJzdWIiOiJhbGljZSIsImlzcyI6InRlc3RzIiwiZXhwIjo0\
MTAyNDQ0ODAwfQ.TTLnmXpSWsPzSWyXy5vH_awGGVLZyjYpGNzRCSMMitrZjLJ16ZOnhiUTpxoE5m2mvdaXTkFibxlULvdiKyOL3\
tgviXdb42nSwPrETSgMSJAsSfyrueGLhMR6Agl29mYevhxwHrhYJUFWmfZjbZSazwB8uJVNdXh8HdNAZ_fJE5Wlu7TUIKyuGSlHH\
grJKZF9svirHynnpOhNUUDd4UAANkRXn1KklF8MwsvticnE4rK3CwYOBkj7okmaYXTux2E-O7eZtMMksTtK_xozjtwmrI_ID9_nZ\
wOuCU5yHJQRDD-TIc23-sVi-9WZaTEGkIMwlAttXX6avcSU2TxsK1VSjw";

fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token of any header and claims, signed by a secret.
fn signed(secret: &str, header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", base64(header.to_string()), base64(claims.to_string()));
    let key = ::ring::hmac::Key::new(::ring::hmac::HMAC_SHA256, secret.as_bytes());
    format!("{message}.{}", base64(::ring::hmac::sign(&key, message.as_bytes())))
}

fn hs256() -> Value {
    json!({"alg": "HS256", "typ": "JWT"})
}

fn verifier() -> Verifier {
    let config = AuthConfig {
        jwt_secret: Some(SECRET.to_owned()),
        issuer: Some("me".to_owned()),
        audience: Some("here".to_owned()),
        ..AuthConfig::default()
    };
    Verifier::new(&config).expect("a key")
}

/// Good claims, with one changed; null takes it away.
fn claims(key: &str, value: Value) -> Value {
    let now = get_current_timestamp();
    let mut claims = json!({"sub": "alice", "iss": "me", "aud": "here", "exp": now + 600});
    claims[key] = value;
    if let Value::Object(fields) = &mut claims {
        fields.retain(|_, value| !value.is_null());
    }
    claims
}

struct Dir(std::path::PathBuf);

impl Dir {
    fn new() -> Dir {
        let dir = std::env::temp_dir().join(format!("headwater-token-{:016x}", SystemClock.random()));
        std::fs::create_dir_all(&dir).expect("a directory");
        Dir(dir)
    }

    fn file(&self, name: &str, text: &str) -> std::path::PathBuf {
        let file = self.0.join(name);
        std::fs::write(&file, text).expect("a file");
        file
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_good_token_says_who_it_is_of() {
    let verifier = verifier();
    let alice = verifier.verify(&signed(SECRET, &hs256(), &claims("x", json!(1)))).expect("it is good");
    assert_eq!((&*alice.subject, alice.is_admin), ("alice", false));
    assert!(alice.is_for("alice") && !alice.is_for("bob") && !alice.is_for("alice "));
    assert!((550..=631).contains(&alice.left().as_secs()), "{alice:?}");
    for scope in [json!("presence:admin"), json!("a presence:admin b"), json!(["a", "presence:admin"])] {
        let admin = verifier.verify(&signed(SECRET, &hs256(), &claims("scope", scope))).expect("it is good");
        assert!(admin.is_admin && admin.is_for("bob"));
    }
    for scope in [json!("presence:administrator"), json!("xpresence:admin"), json!({"presence:admin": 1}), json!([1])] {
        assert!(!verifier.verify(&signed(SECRET, &hs256(), &claims("scope", scope))).expect("it is good").is_admin);
    }
    let made = AccessToken {
        subject: "bob".into(),
        issuer: Some("me".into()),
        audience: Some("here".into()),
        scope: None,
        ttl: Duration::from_secs(60),
    };
    assert_eq!(&*verifier.verify(&made.sign(SECRET).expect("signed")).expect("it is good").subject, "bob");
    assert!(made.sign("").is_err());
}

#[test]
fn a_bad_token_is_refused_with_its_reason() {
    let (verifier, now) = (verifier(), get_current_timestamp());
    for (key, value, said) in [
        ("exp", json!(now - 60), "is over"),
        ("exp", Value::Null, "does not say 'exp'"),
        ("exp", json!("soon"), "can't be read"),
        ("nbf", json!(now + 600), "not valid yet"),
        ("iss", json!("you"), "another issuer"),
        ("iss", Value::Null, "does not say 'iss'"),
        ("aud", json!("there"), "another audience"),
        ("aud", Value::Null, "does not say 'aud'"),
        ("sub", Value::Null, "does not say 'sub'"),
        ("sub", json!(7), "can't be read"),
    ] {
        let refused = verifier.verify(&signed(SECRET, &hs256(), &claims(key, value.clone())));
        let refused = refused.expect_err("it is refused");
        assert!(refused.contains(said), "{key} {value}: {refused}");
    }
    let good = claims("x", json!(1));
    let strange = |header: Value| verifier.verify(&signed(SECRET, &header, &good)).expect_err("it is refused");
    for header in [json!({"alg": "none"}), json!({"alg": "None"}), json!({"alg": "HS255"}), json!({}), json!([])] {
        assert!(strange(header.clone()).contains("no signed JSON Web Token"), "{header}");
    }
    assert!(strange(json!({"alg": "HS512"})).contains("no key"), "the algorithm is the key's");
    assert!(strange(json!({"alg": "RS256"})).contains("no key"));
    assert!(strange(json!({"alg": "HS256", "crit": ["b64"], "b64": false})).contains("extensions"));
    let token = signed(SECRET, &hs256(), &good);
    let (message, signature) = token.rsplit_once('.').expect("three parts");
    let unsigned = format!("{}.{}.", base64("{\"alg\":\"none\"}"), base64(good.to_string()));
    for bad in [
        signed("another secret", &hs256(), &good),
        format!("{message}."),
        format!("{message}.{}", &signature[1..]),
        format!("{message}.{signature}.x"),
        unsigned,
        String::new(),
        ".".into(),
        "..".into(),
        "é.ü.ö".into(),
        "x".repeat(TOKEN_BYTES_MAX + 1),
    ] {
        assert!(verifier.verify(&bad).is_err(), "{bad}");
    }
}

#[test]
fn an_audience_is_not_passed_over() {
    let config = AuthConfig { jwt_secret: Some(SECRET.to_owned()), ..AuthConfig::default() };
    let verifier = Verifier::new(&config).expect("a key");
    let refused = verifier.verify(&signed(SECRET, &hs256(), &claims("x", json!(1)))).expect_err("it is refused");
    assert!(refused.contains("[auth] audience"), "{refused}");
    assert!(verifier.verify(&signed(SECRET, &hs256(), &claims("aud", Value::Null))).is_ok(), "any issuer will do");
}

#[test]
fn public_keys_check_what_their_private_keys_signed() {
    let dir = Dir::new();
    let by_pem = AuthConfig { jwt_public_key: Some(dir.file("rsa.pem", RSA_PEM)), ..AuthConfig::default() };
    let verifier = Verifier::new(&by_pem).expect("a key");
    assert_eq!(&*verifier.verify(RSA_TOKEN).expect("it is good").subject, "alice");
    let mut broken = RSA_TOKEN.to_owned();
    broken.replace_range(RSA_TOKEN.len() - 4..RSA_TOKEN.len() - 3, "A");
    assert!(verifier.verify(&broken).is_err());
    // What is public is no secret to sign by.
    let confused = signed(RSA_PEM, &hs256(), &claims("aud", Value::Null));
    assert!(verifier.verify(&confused).is_err());

    let pair = rcgen::KeyPair::generate().expect("a pair");
    let random = ::ring::rand::SystemRandom::new();
    let algorithm = &::ring::signature::ECDSA_P256_SHA256_FIXED_SIGNING;
    let key = ::ring::signature::EcdsaKeyPair::from_pkcs8(algorithm, &pair.serialize_der(), &random).expect("a key");
    let message =
        format!("{}.{}", base64(json!({"alg": "ES256"}).to_string()), base64(claims("aud", Value::Null).to_string()));
    let signature = key.sign(&random, message.as_bytes()).expect("signed");
    let token = format!("{message}.{}", base64(signature));
    let by_pem = AuthConfig {
        jwt_public_key: Some(dir.file("ec.pem", &pair.public_key_pem())),
        issuer: Some("me".into()),
        ..AuthConfig::default()
    };
    assert_eq!(&*Verifier::new(&by_pem).expect("a key").verify(&token).expect("it is good").subject, "alice");
    assert!(verifier.verify(&token).is_err(), "by another key");
    let point = pair.public_key_raw();
    let (x, y) = (base64(&point[1..33]), base64(&point[33..]));
    let set = json!({"keys": [
        {"kty": "EC", "crv": "P-256", "kid": "e1", "x": x, "y": y},
        {"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "r1", "n": RSA_MODULUS, "e": "AQAB"},
        {"kty": "RSA", "use": "enc", "kid": "r2", "n": RSA_MODULUS, "e": "AQAB"},
    ]});
    let by_set = AuthConfig { jwks: Some(dir.file("jwks.json", &set.to_string())), ..AuthConfig::default() };
    let verifier = Verifier::new(&by_set).expect("keys");
    assert!(verifier.verify(&token).is_ok() && verifier.verify(RSA_TOKEN).is_ok());
}

#[test]
fn files_without_a_key_are_refused_by_name() {
    let dir = Dir::new();
    for (name, text) in
        [("a.pem", "nothing"), ("b.pem", ""), ("c.pem", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")]
    {
        let config = AuthConfig { jwt_public_key: Some(dir.file(name, text)), ..AuthConfig::default() };
        let error = Verifier::new(&config).err().expect("it is refused");
        assert!(error.kind() == ErrorKind::Invalid && error.message().contains(name), "{error}");
    }
    for (name, text) in [("a.json", "{"), ("b.json", "{\"keys\":[]}"), ("c.json", "{\"keys\":[{\"kty\":\"x\"}]}")] {
        let config = AuthConfig { jwks: Some(dir.file(name, text)), ..AuthConfig::default() };
        let error = Verifier::new(&config).err().expect("it is refused");
        assert!(error.kind() == ErrorKind::Invalid && error.message().contains(name), "{error}");
    }
    let missing = AuthConfig { jwks: Some(dir.0.join("nowhere")), ..AuthConfig::default() };
    assert_eq!(Verifier::new(&missing).err().expect("it is refused").kind(), ErrorKind::NotFound);
}

#[test]
fn a_replaced_set_is_taken_and_a_broken_one_is_not() {
    let dir = Dir::new();
    let set = |secret: &str| json!({"keys": [{"kty": "oct", "k": base64(secret)}]}).to_string();
    let config = AuthConfig {
        jwks: Some(dir.file("jwks.json", &set("first"))),
        issuer: Some("me".into()),
        ..AuthConfig::default()
    };
    let verifier = Verifier::new(&config).expect("a key");
    let token = |secret| signed(secret, &hs256(), &claims("aud", Value::Null));
    assert!(verifier.verify(&token("first")).is_ok() && verifier.verify(&token("second")).is_err());
    let renew = || {
        lock(&verifier.state).due = Instant::now();
        verifier.renew()
    };
    assert_eq!(renew(), None);
    dir.file("jwks.json", "{");
    assert_eq!(renew().expect("it is said").0, "warn");
    assert_eq!(renew(), None, "once");
    assert!(verifier.verify(&token("first")).is_ok(), "what was at work stays");
    dir.file("jwks.json", &set("second"));
    assert_eq!(renew().expect("it is said").0, "info");
    assert!(verifier.verify(&token("first")).is_err() && verifier.verify(&token("second")).is_ok());
}
