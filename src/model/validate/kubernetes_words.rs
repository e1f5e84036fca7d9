//! Kubernetes' own rules for label keys, label values and names (apimachinery/pkg/util/validation).

/// `[prefix/]name`: a DNS subdomain, and at most 63 characters that begin and end alphanumerically.
pub fn is_label_key(key: &str) -> bool {
    let (prefix, name) = key
        .split_once('/')
        .map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let subdomain = |text: &str| text.len() <= 253 && text.split('.').all(is_dns_label);
    prefix.is_none_or(subdomain) && !name.is_empty() && is_label_value(name)
}

/// Empty, or at most 63 of `A-Z a-z 0-9 - _ .` that begin and end alphanumerically.
pub fn is_label_value(value: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric();
    value.len() <= 63
        && value.chars().all(|c| plain(c) || "-_.".contains(c))
        && (value.is_empty() || (value.starts_with(plain) && value.ends_with(plain)))
}

/// At most 63 of `a-z 0-9 -` that begin and end alphanumerically.
pub fn is_dns_label(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (1..=63).contains(&text.len())
        && text.chars().all(|c| plain(c) || c == '-')
        && text.starts_with(plain)
        && text.ends_with(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values_follow_the_apiservers_rules() {
        for (key, expected) in [
            ("team", true),
            ("example.com/Team_1.x", true),
            ("example.com/", false),
            ("/team", false),
            ("a b", false),
            ("-team", false),
            ("Example.com/team", false),
            ("a/b/c", false),
        ] {
            assert_eq!(is_label_key(key), expected, "{key}");
        }
        for (value, expected) in [
            ("", true),
            ("a-B_1.c", true),
            ("-a", false),
            ("a.", false),
            ("a b", false),
        ] {
            assert_eq!(is_label_value(value), expected, "{value}");
        }
        assert!(!is_label_value(&"x".repeat(64)));
    }
}
