//! The normal form of identifiers and addresses (identity-admin.md §1.9). What is stored and what is looked up pass
//! through the same functions, so that the two always meet.

use std::net::{Ipv4Addr, Ipv6Addr};

use unicode_normalization::UnicodeNormalization;

/// Longest e-mail address, in bytes (RFC 5321 §4.5.3.1.3 less the angle brackets).
const LONGEST_EMAIL: usize = 254;
/// Longest text that is looked at as a phone number, in bytes.
const LONGEST_PHONE: usize = 250;

/// The normal form of what somebody signs in with. A phone number with country code becomes E.164; all else is freed of
/// invisible characters, folded to one width and composition (NFKC) and to lower case, and trimmed.
pub fn normalise_identifier(text: &str) -> String {
    normalise_phone(text).unwrap_or_else(|| fold(text))
}

/// The normal form of an e-mail address, or `None` when it is none.
pub fn normalise_email(text: &str) -> Option<String> {
    let address = fold(text);
    is_email(&address).then_some(address)
}

/// The E.164 form of a valid phone number. The country code is required, since there is no country to assume.
pub fn normalise_phone(text: &str) -> Option<String> {
    let text = text.trim();
    if !text.starts_with('+') || text.len() > LONGEST_PHONE {
        return None;
    }
    let number = phonenumber::parse(None, text).ok().filter(phonenumber::PhoneNumber::is_valid)?;
    Some(number.format().mode(phonenumber::Mode::E164).to_string())
}

/// Whether `text` is an e-mail address as mail systems deliver to: no display name, an ASCII host.
pub(super) fn is_email(text: &str) -> bool {
    let Some((local, host)) = text.rsplit_once('@') else { return false };
    text.len() <= LONGEST_EMAIL && is_local_part(local) && is_mail_host(host)
}

/// `email_loose`: dots may stand anywhere in the local part, and the host may be international.
pub(super) fn is_loose_email(text: &str) -> bool {
    let Some((local, host)) = text.rsplit_once('@') else { return false };
    let host_is_a_name = matches!(url::Host::parse(host), Ok(url::Host::Domain(name)) if is_host_name(&name));
    text.len() <= 320 && !local.is_empty() && local.chars().all(|c| c == '.' || is_atom(c)) && host_is_a_name
}

fn is_local_part(local: &str) -> bool {
    if local.is_empty() || local.len() > 64 {
        return false;
    }
    if let Some(quoted) = local.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        // Escapes are left out: nobody has such an address, and each reader of mail headers reads them differently.
        return quoted.chars().all(|c| (' '..='~').contains(&c) && c != '"' && c != '\\');
    }
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(|c| is_atom(c) || is_international(c)))
}

/// RFC 5322 §3.2.3 `atext`.
fn is_atom(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}

/// What RFC 6532 adds to it, without what cannot be seen.
fn is_international(c: char) -> bool {
    !c.is_ascii() && !c.is_control() && !c.is_whitespace() && !is_invisible(c)
}

fn is_mail_host(host: &str) -> bool {
    let literal = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match literal {
        Some(address) => match address.strip_prefix("IPv6:").or_else(|| address.strip_prefix("ipv6:")) {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => address.parse::<Ipv4Addr>().is_ok(),
        },
        None => is_host_name(host),
    }
}

fn is_host_name(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    host.len() <= 253 && host.split('.').all(is_label)
}

/// After PRECIS's free-form profile (RFC 8265 §3), in its forgiving form: what it forbids is removed.
fn fold(text: &str) -> String {
    // Composition can bring capitals back ("℡" becomes "TEL"), and lower case can need composition again.
    let composed: String = text.chars().filter(|&c| !c.is_control() && !is_invisible(c)).nfkc().collect();
    let lower: String = composed.to_lowercase().chars().filter(|&c| !is_invisible(c)).nfkc().collect();
    lower.trim().to_owned()
}

/// Characters that are not drawn (Default_Ignorable_Code_Point of Unicode): two identifiers that differ only by them
/// look the same.
fn is_invisible(c: char) -> bool {
    matches!(u32::from(c),
        0xAD | 0x34F | 0x61C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180B..=0x180F | 0x200B..=0x200F
        | 0x202A..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB
        | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letter_case_width_composition_and_blanks_do_not_tell_identifiers_apart() {
        assert_eq!(normalise_identifier("  Ada@Example.ORG\u{a0}"), "ada@example.org");
        assert_eq!(normalise_identifier("ＡＤＡ"), "ada");
        assert_eq!(normalise_identifier("Zoe\u{301}"), normalise_identifier("Zo\u{e9}"));
        assert_eq!(normalise_identifier("\u{2121}"), "tel");
    }

    #[test]
    fn characters_that_cannot_be_seen_do_not_make_another_identifier() {
        for hidden in ["a\u{200b}da", "\u{202e}ada", "a\u{ad}da", "ada\u{feff}", "a\u{0}da", "ad\u{e0041}a"] {
            assert_eq!(normalise_identifier(hidden), "ada", "{hidden:?}");
        }
    }

    #[test]
    fn numbers_with_country_code_become_e164_and_others_stay() {
        assert_eq!(normalise_identifier("+49 1511 2345678"), "+4915112345678");
        assert_eq!(normalise_phone("+49 (0)1511 2345678").as_deref(), Some("+4915112345678"));
        assert_eq!(normalise_identifier("01511 2345678"), "01511 2345678");
        for wrong in ["12345", "no-number", "+1", "+", "", "015112345678", "+49 1511 23456789012345"] {
            assert_eq!(normalise_phone(wrong), None, "{wrong}");
        }
        assert_eq!(normalise_phone(&format!("+{}", "1".repeat(400))), None);
    }

    #[test]
    fn addresses_are_checked() {
        for right in
            ["a@b", "ada.l+x@example.org", "a@[127.0.0.1]", "a@[IPv6:::1]", "ü@example.org", "\"a b\"@example.org"]
        {
            assert!(is_email(right), "{right}");
        }
        for wrong in [
            "",
            "ada",
            "@example.org",
            "ada@",
            "a@b@c",
            "a..b@example.org",
            ".a@example.org",
            "a@-x.org",
            "a@x..org",
            "Ada <ada@example.org>",
            "a b@example.org",
            "a@exa mple.org",
            "a@münchen.de",
            "a\r\nBcc:x@example.org",
            "a@[999.1.1.1]",
            "\"a\"b\"@example.org",
        ] {
            assert!(!is_email(wrong), "{wrong}");
        }
        assert!(!is_email(&format!("{}@example.org", "a".repeat(65))));
        assert!(!is_email(&format!("a@{}.org", "b".repeat(64))));
        assert_eq!(normalise_email(" Ada@Example.org ").as_deref(), Some("ada@example.org"));
        assert_eq!(normalise_email("nonsense"), None);
    }

    #[test]
    fn loose_addresses_may_have_dots_anywhere_and_an_international_host() {
        for right in ["a..b@example.org", ".a@münchen.de", "a.@example.org"] {
            assert!(is_loose_email(right), "{right}");
        }
        for wrong in ["\"a\"@example.org", "a b@example.org", "@example.org", "a@", "a@127.0.0.1", "ü@example.org"] {
            assert!(!is_loose_email(wrong), "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_normal_form_is_its_own_normal_form(text in "\\PC*") {
            let once = normalise_identifier(&text);
            proptest::prop_assert_eq!(normalise_identifier(&once), once);
        }
    }
}
