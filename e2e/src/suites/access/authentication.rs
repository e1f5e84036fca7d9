//! OAuth, Kerberos and a certificate from elsewhere, with Kafka's own clients as they are: who has a right gets in, and a token
//! for somebody else, one that nobody signed, and a key that's no longer valid don't.

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::json;

use super::outside::{APP, bootstrap, refused, rights, round_trip};
use super::peers::{AUTHORITY, CAROL, ISSUER, REALM, SHOP, TICKETS, TOKENS, rekey};
use super::{NAMESPACE, say, user};
use crate::client::{BIN, Client, HURRY};
use crate::harness::{Context, Report};

pub fn run(context: &Context, report: &mut Report) {
    report.test("OAuth: a client of an OpenID provider writes and reads", || {
        oauth(context)
    });
    report.test("Kerberos: a principal with a keytab writes and reads", || {
        kerberos(context)
    });
    report.long(
        "a delegation token stands for its user until it is ended",
        "half a minute",
        || token(context),
    );
    report.long(
        "a listener's own certificate: clients trust who signed it",
        "half a minute",
        || edge(context),
    );
}

/// Kafka's tool asks for it as the user; whoever has it is the user, until it's ended.
fn token(context: &Context) -> Result<()> {
    let secret = format!("{APP}-kafka-credentials");
    let client = Client::start(context, NAMESPACE, "token", &[&secret])?;
    let settings = format!("/secrets/{secret}/client.properties");
    let servers = bootstrap(context, "scram")?;
    let tool = format!("{BIN}/kafka-delegation-tokens.sh --bootstrap-server {servers} --command-config {settings}");
    let made = client.run(40, &format!("{tool} --create --max-life-time-period -1"))?;
    // TOKENID HMAC OWNER REQUESTER RENEWERS ISSUEDATE EXPIRYDATE MAXDATE, below a line with these words.
    let mut rows = made.lines().skip_while(|line| !line.starts_with("TOKENID")).skip(1);
    let row = rows.find(|line| !line.trim().is_empty());
    let mut words = row.with_context(|| made.clone())?.split_whitespace();
    let (id, hmac) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    ensure!(made.contains(&format!("User:{APP}")) && hmac.len() > 20, "{made}");
    let module = "org.apache.kafka.common.security.scram.ScramLoginModule required";
    let jaas = format!("sasl.jaas.config={module} tokenauth=\"true\" username=\"{id}\" password=\"{hmac}\";");
    client.run(
        10,
        &format!("(grep -v '^sasl.jaas' {settings}; cat <<'END'\n{jaas}\nEND\n) > /tmp/token.properties"),
    )?;
    round_trip(&client, &servers, "/tmp/token.properties", ("token", ""))?;
    client.run(40, &format!("{tool} --expire --hmac {hmac} --expiry-time-period -1"))?;
    let attempt = |_| {
        refused(
            &client,
            &servers,
            ("/tmp/token.properties", ""),
            "SaslAuthenticationException",
        )
    };
    // Brokers hear of it a moment later.
    let mut ended = (0..3).map(attempt);
    ensure!(ended.any(|ended| ended.is_ok()), "the token is still good");
    say("a token that was ended is refused");
    client.delete()
}

/// Users whose credentials are elsewhere.
pub fn users(context: &Context) -> Result<()> {
    for name in [SHOP, CAROL] {
        user(
            context,
            name,
            &json!({"authentication": {"type": "External"}, "roles": rights()}),
        )?;
    }
    Ok(())
}

/// Writes a file in the pod.
fn file(client: &Client<'_>, name: &str, text: &str) -> Result<()> {
    client
        .run(10, &format!("cat > /tmp/{name} <<'END'\n{text}\nEND"))
        .map(drop)
}

fn oauth(context: &Context) -> Result<()> {
    let trust = format!("{APP}-kafka-credentials");
    let client = Client::start(context, NAMESPACE, "oauth", &[&trust, AUTHORITY])?;
    let module = "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required";
    let store = format!("ssl.truststore.type=\"PEM\" ssl.truststore.location=\"/secrets/{AUTHORITY}/ca.crt\"");
    let common = format!(
        "security.protocol=SASL_SSL\nsasl.mechanism=OAUTHBEARER\nssl.truststore.type=PEM\n\
         ssl.truststore.location=/secrets/{trust}/ca.crt\nsasl.jaas.config={module} {store};\n\
         sasl.login.callback.handler.class=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler\n{HURRY}"
    );
    let by_secret = |id: &str, secret: &str| {
        format!(
            "{common}sasl.oauthbearer.token.endpoint.url={TOKENS}\nsasl.oauthbearer.client.credentials.client.id={id}\n\
             sasl.oauthbearer.client.credentials.client.secret={secret}"
        )
    };
    file(&client, "shop.properties", &by_secret(SHOP, "shop-secret"))?;
    file(
        &client,
        "stranger.properties",
        &by_secret("stranger", "stranger-secret"),
    )?;
    for algorithm in ["none", "RS256"] {
        let token = format!("file:///tmp/{algorithm}.jwt");
        let settings = format!("{common}sasl.oauthbearer.token.endpoint.url={token}");
        file(&client, &format!("{algorithm}.properties"), &settings)?;
        client.run(10, &format!("printf %s '{}' > /tmp/{algorithm}.jwt", forged(algorithm)))?;
    }
    let urls = format!(
        "KAFKA_OPTS='-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={TOKENS},file:///tmp/none.jwt,file:///tmp/RS256.jwt \
         -Dorg.apache.kafka.sasl.oauthbearer.allowed.files=/tmp/none.jwt,/tmp/RS256.jwt'"
    );
    let servers = bootstrap(context, "oauth")?;
    round_trip(&client, &servers, "/tmp/shop.properties", ("oauth", &urls))?;
    for (who, what) in [
        ("stranger", "a token for another audience"),
        ("none", "a token that nobody signed"),
        ("RS256", "a token with somebody else's signature"),
    ] {
        let settings = format!("/tmp/{who}.properties");
        refused(&client, &servers, (&settings, &urls), "SaslAuthenticationException")?;
        say(&format!("{what} is refused"));
    }
    client.delete()
}

/// Right in everything but the signature, which Kafka's client wants to be there.
fn forged(algorithm: &str) -> String {
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let now = jiff::Timestamp::now().as_second();
    let claims = json!({"iss": ISSUER, "aud": "kafka", "sub": "x", "kafka_user": SHOP, "iat": now, "exp": now + 600});
    let header = json!({"alg": algorithm, "typ": "JWT"});
    format!("{}.{}.{}", part(header), part(claims), URL_SAFE_NO_PAD.encode([7; 256]))
}

fn kerberos(context: &Context) -> Result<()> {
    let trust = format!("{APP}-kafka-credentials");
    let client = Client::start(context, NAMESPACE, "kerberos", &[&trust, TICKETS])?;
    let module = "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true";
    for who in [CAROL, "mallory"] {
        let text = format!(
            "security.protocol=SASL_SSL\nsasl.mechanism=GSSAPI\nsasl.kerberos.service.name=kafka\nssl.truststore.type=PEM\n\
             ssl.truststore.location=/secrets/{trust}/ca.crt\n\
             sasl.jaas.config={module} keyTab=\"/secrets/{TICKETS}/{who}.keytab\" principal=\"{who}@{REALM}\";\n{HURRY}"
        );
        file(&client, &format!("{who}.properties"), &text)?;
    }
    let realm = format!("KAFKA_OPTS='-Djava.security.krb5.conf=/secrets/{TICKETS}/krb5.conf'");
    let servers = bootstrap(context, "krb")?;
    round_trip(&client, &servers, "/tmp/carol.properties", ("kerberos", &realm))?;
    let mallory = ("/tmp/mallory.properties", realm.as_str());
    refused(&client, &servers, mallory, "TopicAuthorizationException")?;
    say("a principal without rights gets in and may do nothing");
    rekey(context, "mallory")?;
    refused(&client, &servers, mallory, "LoginException")?;
    say("a key that was replaced gets nowhere");
    client.delete()
}

fn edge(context: &Context) -> Result<()> {
    let secret = format!("{APP}-kafka-credentials");
    let client = Client::start(context, NAMESPACE, "edge", &[&secret, AUTHORITY])?;
    let settings = |file: &str, authority: &str| {
        format!(
            "(grep -v '^bootstrap.servers\\|^ssl.truststore' /secrets/{secret}/client.properties; \
             printf 'ssl.truststore.type=PEM\\nssl.truststore.location={authority}\\nmax.block.ms=8000\\n') > /tmp/{file}"
        )
    };
    client.run(
        10,
        &settings("edge.properties", &format!("/secrets/{AUTHORITY}/ca.crt")),
    )?;
    let servers = bootstrap(context, "edge")?;
    round_trip(&client, &servers, "/tmp/edge.properties", ("edge", ""))?;
    let resource = context.kubectl_json(&["-n", NAMESPACE, "get", "pk", super::CLUSTER])?;
    ensure!(
        resource.to_string().contains("\"certificateAuthority\":\"edge\""),
        "the status names whom to trust"
    );
    // The authority of the cluster alone signed none of it.
    client.run(
        10,
        &format!("awk '/BEGIN/ {{n++}} n == 1' /secrets/{secret}/ca.crt > /tmp/cluster.crt"),
    )?;
    client.run(10, &settings("cluster.properties", "/tmp/cluster.crt"))?;
    refused(
        &client,
        &servers,
        ("/tmp/cluster.properties", ""),
        "SslAuthenticationException",
    )?;
    say("who trusts the cluster's authority alone is not let down quietly: the handshake fails");
    client.delete()
}
