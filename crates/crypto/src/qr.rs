//! QR codes for authenticator apps, as an image that a page shows without another request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fast_qr::{ECL, QRBuilder, QRCode};

const SIDE: usize = 256;
const BYTES_PER_LINE: usize = SIDE / 8;
/// Readers need four light modules around the code (ISO/IEC 18004).
const QUIET_ZONE: usize = 4;

/// A PNG of 256 by 256 pixels, as a `data:` URI, or nothing when `text` is too long for a QR code (about 2900 bytes).
pub fn qr_png_data_uri(text: &str) -> Option<String> {
    // More correction survives more damage, and needs more modules: as much as keeps them three pixels wide, which cameras read well.
    let levels = [ECL::Q, ECL::M, ECL::L];
    let codes = levels.into_iter().filter_map(|level| QRBuilder::new(text).ecl(level).build().ok());
    let mut smallest = None;
    for code in codes {
        let fits = scale(&code) >= 3;
        smallest = Some(code);
        if fits {
            break;
        }
    }
    let image = png(&pixels(&smallest?))?;
    Some(format!("data:image/png;base64,{}", STANDARD.encode(image)))
}

fn scale(code: &QRCode) -> usize {
    SIDE / (code.size + 2 * QUIET_ZONE)
}

/// One bit a pixel, light is 1.
fn pixels(code: &QRCode) -> Vec<u8> {
    let scale = scale(code).max(1);
    let margin = (SIDE - code.size * scale) / 2;
    let mut pixels = vec![0xFF; BYTES_PER_LINE * SIDE];
    for y in 0..code.size * scale {
        for x in 0..code.size * scale {
            if code[y / scale][x / scale].value() {
                let column = x + margin;
                pixels[(y + margin) * BYTES_PER_LINE + column / 8] &= !(0x80 >> (column % 8));
            }
        }
    }
    pixels
}

fn png(pixels: &[u8]) -> Option<Vec<u8>> {
    let mut image = Vec::new();
    let mut encoder = png::Encoder::new(&mut image, 256, 256);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(pixels).ok()?;
    writer.finish().ok()?;
    Some(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(uri: &str) -> (u32, u32, Vec<u8>) {
        let image = STANDARD.decode(uri.strip_prefix("data:image/png;base64,").unwrap()).unwrap();
        let mut decoder = png::Decoder::new(std::io::Cursor::new(image));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut pixels).unwrap();
        (frame.width, frame.height, pixels)
    }

    #[test]
    fn the_image_is_256_pixels_wide_and_shows_the_code() {
        let url = "otpauth://totp/limen:ada?algorithm=SHA1&digits=6&issuer=limen&period=30&secret=JBSWY3DPEHPK3PXP";
        let (width, height, pixels) = decoded(&qr_png_data_uri(url).unwrap());
        assert_eq!((width, height), (256, 256));

        let code = QRBuilder::new(url).ecl(ECL::Q).build().unwrap();
        let scale = 256 / (code.size + 8);
        let margin = (256 - code.size * scale) / 2;
        for row in 0..code.size {
            for column in 0..code.size {
                let middle = (margin + row * scale + scale / 2) * 256 + margin + column * scale + scale / 2;
                assert_eq!(pixels[middle] == 0, code[row][column].value(), "module {row}, {column}");
            }
        }
        assert!(pixels[..256 * margin].iter().all(|pixel| *pixel == 255), "the margin is light");
    }

    #[test]
    fn the_longest_texts_fit_and_longer_ones_are_refused() {
        let (width, _, pixels) = decoded(&qr_png_data_uri(&"a".repeat(2900)).unwrap());
        assert_eq!(width, 256);
        assert!(pixels.contains(&0));
        assert!(qr_png_data_uri(&"a".repeat(3000)).is_none());
    }
}
