//! The text form of a Java properties file.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Keys and values as lines, sorted by key. Values are taken literally: what Java would interpret is escaped.
pub fn text(properties: &BTreeMap<String, String>) -> String {
    let mut text = String::new();
    for (key, value) in properties {
        text.push_str(key);
        text.push('=');
        push_escaped(&mut text, value);
        text.push('\n');
    }
    text
}

/// `Properties.load` reads Latin-1, drops leading blanks and takes a backslash as the start of an escape.
fn push_escaped(text: &mut String, value: &str) {
    for (index, character) in value.chars().enumerate() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            ' ' if index == 0 => text.push_str("\\ "),
            ' '..='~' => text.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_literal_to_java() {
        for (value, expected) in [
            ("plain,a=b:c;#!", "k=plain,a=b:c;#!\n"),
            (" two  blanks", "k=\\ two  blanks\n"),
            (r"C:\x", "k=C:\\\\x\n"),
            ("a\nb\tc", "k=a\\nb\\tc\n"),
            ("é😀", "k=\\u00e9\\ud83d\\ude00\n"),
        ] {
            assert_eq!(text(&BTreeMap::from([("k".into(), value.into())])), expected);
        }
    }
}
