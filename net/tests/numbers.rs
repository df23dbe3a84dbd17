//! Numbers on byte streams: each type in both orders, in pieces, and at the end of a stream.

use std::io::ErrorKind;

use myrt::io::{AsyncReadExt, AsyncWriteExt, Cursor, duplex};

/// Writes a number, looks at the bytes, and reads it back through a pipe of one byte.
macro_rules! both_orders {
    ($($value:expr, $type:ty: $write:ident $read:ident, $write_le:ident $read_le:ident;)*) => { $(
        let value: $type = $value;
        let mut bytes = Cursor::new(Vec::new());
        bytes.$write(value).await.expect("room");
        assert_eq!(bytes.get_ref()[..], value.to_be_bytes());
        let mut bytes = Cursor::new(Vec::new());
        bytes.$write_le(value).await.expect("room");
        assert_eq!(bytes.get_ref()[..], value.to_le_bytes());

        let (mut a, mut b) = duplex(1);
        let (wrote, read) = myrt::join!(
            async { a.$write(value).await?; a.$write_le(value).await },
            async { std::io::Result::Ok((b.$read().await?, b.$read_le().await?)) }
        );
        wrote.expect("room");
        assert_eq!(read.expect("all came"), (value, value));
    )* };
}

#[test]
fn each_number_goes_and_comes_in_both_orders() {
    myrt::run(async {
        both_orders! {
            0x0102, u16: write_u16 read_u16, write_u16_le read_u16_le;
            -2, i16: write_i16 read_i16, write_i16_le read_i16_le;
            0x0102_0304, u32: write_u32 read_u32, write_u32_le read_u32_le;
            -3, i32: write_i32 read_i32, write_i32_le read_i32_le;
            0x0102_0304_0506_0708, u64: write_u64 read_u64, write_u64_le read_u64_le;
            i64::MIN, i64: write_i64 read_i64, write_i64_le read_i64_le;
            u128::MAX - 7, u128: write_u128 read_u128, write_u128_le read_u128_le;
            i128::MIN + 7, i128: write_i128 read_i128, write_i128_le read_i128_le;
            0.1, f32: write_f32 read_f32, write_f32_le read_f32_le;
            -1e300, f64: write_f64 read_f64, write_f64_le read_f64_le;
        }
        let (mut a, mut b) = duplex(8);
        a.write_u8(200).await.expect("room");
        a.write_i8(-100).await.expect("room");
        assert_eq!(b.read_u8().await.expect("came"), 200);
        assert_eq!(b.read_i8().await.expect("came"), -100);
    });
}

#[test]
fn a_stream_that_ends_within_a_number_says_so() {
    myrt::run(async {
        let mut short: &[u8] = &[1, 2, 3];
        let error = short.read_u32().await.expect_err("one is missing");
        assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
        let mut full = [0; 3];
        let mut full = Cursor::new(&mut full[..]);
        let error = full.write_u32(7).await.expect_err("no room");
        assert_eq!(error.kind(), ErrorKind::WriteZero);
    });
}
