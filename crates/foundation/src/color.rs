//! Colours as operators write them, and whether people can read one on another (WCAG 2.2, relative luminance and
//! contrast ratio). What is coloured how is no matter of this crate.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// An opaque colour of the sRGB space, written `#rgb` or `#rrggbb`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Color {
    red: u8,
    green: u8,
    blue: u8,
}

/// A text is no colour.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no colour: write # and three or six hexadecimal digits")]
pub struct ColorError(String);

impl Color {
    /// White.
    pub const WHITE: Self = Self::new(255, 255, 255);

    /// Black.
    pub const BLACK: Self = Self::new(0, 0, 0);

    /// A colour of its three parts.
    pub const fn new(red: u8, green: u8, blue: u8) -> Self {
        Self { red, green, blue }
    }

    /// The relative luminance: 0 for black, 1 for white.
    pub fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }

    /// The contrast ratio: 1 for the same colour, 21 for black and white.
    pub fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// This colour with `share` (0 to 1) of another.
    #[must_use]
    pub fn mixed(self, other: Self, share: f64) -> Self {
        let part = |own: u8, other: u8| {
            let mixed = f64::from(own) + (f64::from(other) - f64::from(own)) * share.clamp(0.0, 1.0);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between two bytes, rounded")]
            let byte = mixed.round() as u8;
            byte
        };
        Self::new(part(self.red, other.red), part(self.green, other.green), part(self.blue, other.blue))
    }

    /// The nearest shade of this colour that has at least the contrast `least` on `ground`: darker on a light ground,
    /// lighter on a dark one. Black or white where even that is not enough.
    #[must_use]
    pub fn legible_on(self, ground: Self, least: f64) -> Self {
        let end = ground.ink();
        let shades = (0..=100_u8).map(|step| self.mixed(end, f64::from(step) / 100.0));
        shades.into_iter().find(|shade| shade.contrast(ground) >= least).unwrap_or(end)
    }

    /// The better of black and white for text on this colour; the contrast is at least 4.5.
    #[must_use]
    pub fn ink(self) -> Self {
        if self.contrast(Self::WHITE) >= self.contrast(Self::BLACK) { Self::WHITE } else { Self::BLACK }
    }
}

impl FromStr for Color {
    type Err = ColorError;

    fn from_str(text: &str) -> Result<Self, ColorError> {
        let wrong = || ColorError(text.to_owned());
        let digits: Vec<u8> = text
            .strip_prefix('#')
            .ok_or_else(wrong)?
            .chars()
            .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect::<Option<_>>()
            .ok_or_else(wrong)?;
        match digits[..] {
            [red, green, blue] => Ok(Self::new(red * 17, green * 17, blue * 17)),
            [r1, r2, g1, g2, b1, b2] => Ok(Self::new(r1 * 16 + r2, g1 * 16 + g2, b1 * 16 + b2)),
            _ => Err(wrong()),
        }
    }
}

impl TryFrom<String> for Color {
    type Error = ColorError;

    fn try_from(text: String) -> Result<Self, ColorError> {
        text.parse()
    }
}

impl From<Color> for String {
    fn from(color: Color) -> Self {
        color.to_string()
    }
}

impl fmt::Display for Color {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "#{:02x}{:02x}{:02x}", self.red, self.green, self.blue)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn color(text: &str) -> Color {
        text.parse().unwrap()
    }

    #[test]
    fn colours_are_read_as_they_are_written() {
        assert_eq!(color("#3B3fb6").to_string(), "#3b3fb6");
        assert_eq!(color("#fa0").to_string(), "#ffaa00");
        for wrong in ["", "#", "3b3fb6", "#3b3fb", "#3b3fbg", "#3b3fb6ff", "red", "#é1234", "#fff;} body{"] {
            assert!(wrong.parse::<Color>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn contrasts_are_those_of_the_standard() {
        assert!((Color::WHITE.contrast(Color::BLACK) - 21.0).abs() < 1e-9);
        assert!((color("#777").contrast(Color::WHITE) - 4.478).abs() < 1e-3, "the grey that just fails");
        assert!((color("#767676").contrast(Color::WHITE) - 4.542).abs() < 1e-3, "the grey that just passes");
    }

    #[test]
    fn every_colour_becomes_legible_and_a_legible_one_stays() {
        let grounds = [color("#fff"), color("#f4f5f9"), color("#191c2b"), color("#808080")];
        for red in (0..=255).step_by(51) {
            for green in (0..=255).step_by(51) {
                for blue in (0..=255).step_by(51) {
                    let color = Color::new(red, green, blue);
                    assert!(color.contrast(color.ink()) >= 4.5, "{color}");
                    for ground in grounds {
                        let legible = color.legible_on(ground, 4.5);
                        assert!(legible.contrast(ground) >= 4.5, "{color} on {ground}: {legible}");
                        assert!(color.contrast(ground) < 4.5 || legible == color, "{color} on {ground}");
                    }
                }
            }
        }
    }
}
