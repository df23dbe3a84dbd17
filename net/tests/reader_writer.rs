//! `Reader` and `Writer`: what they return, what their errors carry, and that cancelling loses
//! nothing.

mod common;

use common::{Cuts, Hesitant, finish, poll_once, retried};
use futures_lite::StreamExt;
use myrt_net::io::{AsyncReadExt, ReadError, Reader, Writer};

const INPUT: &[u8] = b"one\ntwo||12345rest of it\nlast";

/// One run over INPUT through every operation, each dropped and restarted where `cuts` says.
fn every_operation(step: usize, cuts: u64) -> Vec<Vec<u8>> {
    let mut reader = Reader::new(Hesitant::reading(INPUT, step));
    let cuts = &mut Cuts(cuts);
    let mut seen = Vec::new();
    seen.push(retried(&mut reader, cuts, |r| {
        Box::pin(async {
            let mut line = String::new();
            assert_eq!(r.read_line(&mut line).await.unwrap(), line.len());
            line.into_bytes()
        })
    }));
    seen.push(retried(&mut reader, cuts, |r| {
        Box::pin(async {
            let mut out = b"kept:".to_vec();
            assert_eq!(r.read_until(b"||", &mut out).await.unwrap(), out.len() - 5);
            out
        })
    }));
    seen.push(retried(&mut reader, cuts, |r| {
        Box::pin(async {
            let mut out = [0; 5];
            r.read_exact(&mut out).await.unwrap();
            out.to_vec()
        })
    }));
    let part = retried(&mut reader, cuts, |r| {
        Box::pin(async {
            let mut out = [0; 3];
            let count = r.read(&mut out).await.unwrap();
            out[..count].to_vec()
        })
    });
    let mut rest = part;
    rest.extend(retried(&mut reader, cuts, |r| {
        Box::pin(async {
            let mut out = Vec::new();
            r.read_until(b'\n', &mut out).await.unwrap();
            out
        })
    }));
    seen.push(rest);
    seen.push(retried(&mut reader, cuts, |r| {
        Box::pin(async {
            let mut out = Vec::new();
            r.read_to_end(&mut out).await.unwrap();
            out
        })
    }));
    assert!(reader.at_eof());
    seen
}

#[test]
fn reads_dropped_after_any_number_of_polls_lose_nothing() {
    let expected: Vec<Vec<u8>> = ["one\n", "kept:two||", "12345", "rest of it\n", "last"]
        .map(|s| s.as_bytes().to_vec())
        .into();
    for step in [1, 2, 3, 5, 7, 64] {
        assert_eq!(every_operation(step, 0), expected, "uncut, step {step}");
        // Cut after every possible number of polls…
        for polls in 0..63 {
            assert_eq!(
                every_operation(step, 1 << polls),
                expected,
                "step {step}, cut before poll {polls}"
            );
        }
        // …and in every pattern over the first polls.
        for cuts in 0..1 << 11 {
            assert_eq!(
                every_operation(step, cuts),
                expected,
                "step {step}, cuts {cuts:b}"
            );
            assert_eq!(
                every_operation(step, cuts << 20),
                expected,
                "step {step}, cuts {cuts:b} << 20"
            );
        }
    }
}

#[test]
fn queued_bytes_survive_dropped_drains_in_order() {
    for step in [1, 2, 3, 100] {
        for cuts in (0..1 << 12).chain((0..63).map(|n| 1 << n)) {
            let mut writer = Writer::new(Hesitant::writing(step));
            let cuts = &mut Cuts(cuts);
            writer.queue(b"first,");
            writer.queue(b"second,");
            retried(&mut writer, cuts, |w| {
                Box::pin(async { w.drain().await.unwrap() })
            });
            // write_all once, then drain until done: exactly as documented.
            {
                let mut first = writer.write_all(b"third,");
                let _ = if cuts.0 & 1 == 0 {
                    poll_once(&mut first)
                } else {
                    std::task::Poll::Pending
                };
            }
            retried(&mut writer, cuts, |w| {
                Box::pin(async { w.drain().await.unwrap() })
            });
            drop(writer.feed(b"fourth"));
            retried(&mut writer, cuts, |w| {
                Box::pin(async { w.shutdown().await.unwrap() })
            });
            let (below, left) = writer.into_parts();
            assert_eq!(
                String::from_utf8(below.taken).unwrap(),
                "first,second,third,fourth"
            );
            assert!(left.is_empty() && below.closed);
            assert_eq!(below.flushed, 25);
        }
    }
}

#[test]
fn write_all_is_queued_even_when_never_polled() {
    let mut writer = Writer::new(Vec::new());
    drop(writer.write_all(b"abc"));
    assert_eq!(writer.queued(), 3);
    finish(writer.drain()).unwrap();
    assert_eq!(writer.get_ref(), b"abc");
}

#[test]
fn feed_drains_at_the_high_water_mark_and_not_before() {
    let mut writer = Writer::with_high_water(4, Vec::new());
    finish(writer.feed(b"abc")).unwrap();
    assert_eq!(
        (writer.queued(), writer.is_full(), writer.get_ref().len()),
        (3, false, 0)
    );
    finish(writer.feed(b"d")).unwrap();
    assert_eq!((writer.queued(), writer.get_ref().len()), (0, 4));
}

#[test]
fn read_exact_at_the_end_tells_what_came_and_what_was_expected() {
    let mut reader = Reader::new(Hesitant::reading(b"abc", 2));
    match finish(reader.read_exact(&mut [0; 5])) {
        Err(ReadError::IncompleteRead {
            partial,
            expected: Some(5),
        }) => assert_eq!(partial, b"abc"),
        other => panic!("{other:?}"),
    }
    assert_eq!(finish(reader.read(&mut [0; 5])).unwrap(), 0);
}

#[test]
fn read_until_tells_a_clean_end_from_a_torn_record() {
    let mut reader = Reader::new(&b"a;b"[..]);
    let mut out = Vec::new();
    assert_eq!(finish(reader.read_until(b';', &mut out)).unwrap(), 2);
    match finish(reader.read_until(b';', &mut out)) {
        Err(ReadError::IncompleteRead {
            partial,
            expected: None,
        }) => assert_eq!(partial, b"b"),
        other => panic!("{other:?}"),
    }
    assert_eq!(out, b"a;", "an error leaves the caller's vector alone");
    assert_eq!(finish(reader.read_until(b';', &mut out)).unwrap(), 0);
}

#[test]
fn a_record_over_the_limit_is_refused_and_stays() {
    let mut reader = Reader::with_limit(4, Hesitant::reading(b"12345678\nnext\n", 3));
    let mut line = String::new();
    match finish(reader.read_line(&mut line)) {
        Err(ReadError::LimitOverrun { limit: 4, consumed }) => assert!(consumed > 4, "{consumed}"),
        other => panic!("{other:?}"),
    }
    assert!(line.is_empty());
    assert!(reader.buffer().starts_with(b"12345"));
    let mut head = [0; 9];
    finish(reader.read_exact(&mut head)).unwrap();
    assert_eq!(&head, b"12345678\n");
    finish(reader.read_line(&mut line)).unwrap();
    assert_eq!(line, "next\n");
}

#[test]
fn a_record_of_exactly_the_limit_passes() {
    for step in [1, 3, 64] {
        let mut reader = Reader::with_limit(4, Hesitant::reading(b"1234\r\n5", step));
        let mut out = Vec::new();
        assert_eq!(
            finish(reader.read_until("\r\n", &mut out)).unwrap(),
            6,
            "step {step}"
        );
    }
}

#[test]
fn separators_across_pieces_are_found() {
    for step in 1..9 {
        let mut reader = Reader::new(Hesitant::reading(b"aabaabaab!", step));
        let mut out = Vec::new();
        assert_eq!(
            finish(reader.read_until(b"aab!", &mut out)).unwrap(),
            10,
            "step {step}"
        );
    }
}

#[test]
#[should_panic(expected = "separator is empty")]
fn an_empty_separator_is_refused() {
    drop(Reader::new(&b""[..]).read_until(b"", &mut Vec::new()));
}

#[test]
fn a_line_that_is_not_utf8_comes_whole_in_the_error() {
    let mut reader = Reader::new(&b"a\xff\ngood\n"[..]);
    let mut line = String::new();
    match finish(reader.read_line(&mut line)) {
        Err(ReadError::InvalidUtf8 { line }) => assert_eq!(line, b"a\xff\n"),
        other => panic!("{other:?}"),
    }
    finish(reader.read_line(&mut line)).unwrap();
    assert_eq!(line, "good\n");
}

#[test]
fn lines_strip_newlines_and_give_the_reader_back() {
    let mut lines = Reader::new(Hesitant::reading(b"a\r\n\nb\nbody", 2)).lines();
    assert_eq!(finish(lines.next()).unwrap().unwrap(), "a");
    assert_eq!(finish(lines.next()).unwrap().unwrap(), "");
    let _ = poll_once(&mut lines.next());
    assert_eq!(finish(lines.next()).unwrap().unwrap(), "b");
    let _ = poll_once(&mut lines.next());
    let mut reader = lines.into_reader();
    let mut rest = Vec::new();
    finish(reader.read_to_end(&mut rest)).unwrap();
    assert_eq!(rest, b"body");
}

#[test]
fn lines_dropped_after_any_number_of_polls_lose_nothing() {
    for step in [1, 2, 3, 5, 64] {
        for cuts in (0..1 << 11).chain((0..63).map(|n| 1 << n)) {
            let cuts = &mut Cuts(cuts);
            let mut lines = Reader::new(Hesitant::reading(INPUT, step)).lines();
            let mut seen = Vec::new();
            while let Some(line) = retried(&mut lines, cuts, |lines| Box::pin(lines.next())) {
                seen.push(line.unwrap());
            }
            assert_eq!(seen, ["one", "two||12345rest of it", "last"]);
        }
    }
}

#[test]
fn lines_end_after_an_error() {
    let mut lines = Reader::with_limit(2, &b"long line\n"[..]).lines();
    assert!(finish(lines.next()).unwrap().is_err());
    assert!(finish(lines.next()).is_none());
}

#[test]
fn typed_errors_survive_the_question_mark_into_io_error() {
    let error: std::io::Error = ReadError::IncompleteRead {
        partial: vec![1],
        expected: Some(2),
    }
    .into();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
    let inner = error
        .get_ref()
        .unwrap()
        .downcast_ref::<ReadError>()
        .unwrap();
    assert_eq!(inner.partial(), [1]);
}

#[test]
fn extension_traits_read_through_the_same_buffer() {
    let mut reader = Reader::new(Hesitant::reading(b"line\ntail", 9));
    let mut line = String::new();
    finish(reader.read_line(&mut line)).unwrap();
    let mut tail = String::new();
    finish(AsyncReadExt::read_to_string(&mut reader, &mut tail)).unwrap();
    assert_eq!(tail, "tail");
}

#[test]
fn large_reads_pass_the_buffer_by_and_keep_order() {
    let all: Vec<u8> = (0..200_000_u32).map(|n| n as u8).collect();
    let mut reader = Reader::new(Hesitant::reading(&all, 30_000));
    let mut seen = vec![0; 10];
    finish(reader.read_exact(&mut seen)).unwrap();
    let mut chunk = vec![0; 50_000];
    loop {
        match finish(reader.read(&mut chunk)).unwrap() {
            0 => break,
            count => seen.extend_from_slice(&chunk[..count]),
        }
    }
    assert!(seen == all);
}
