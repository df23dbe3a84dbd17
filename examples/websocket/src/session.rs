//! The life of one connection: what comes, what goes, and each of the ways in which it can end.
//!
//! A browser tab that is closed says goodbye (a close frame); a process that is killed does not,
//! but its system closes the connection; a machine that lost its power says nothing at all, and
//! only a ping that stays without an answer tells (E22). A client may also go on living and stop
//! reading. All of these end the session, once, and with it whatever the handler holds.

use std::cell::Cell;
use std::fmt;

use async_tungstenite::tungstenite::protocol::CloseFrame;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use async_tungstenite::tungstenite::{Bytes, Error, Message};
use async_tungstenite::{WebSocketReceiver, WebSocketSender, WebSocketStream};
use futures_util::SinkExt;
use myrt::io::{AsyncRead, AsyncWrite};
use myrt::select;
use myrt::stream::StreamExt;
use myrt::sync::Event;
use myrt::time::{Duration, Instant, interval_at, timeout};

use crate::hub::Outbox;

/// How long a client may take for what.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// A client that was silent for this long is sent a ping.
    pub ping_every: Duration,
    /// How long it then has to answer, and how long it may take to accept what is sent.
    pub answer_within: Duration,
}

/// How a session ended.
#[derive(Debug)]
pub enum End {
    /// The client said goodbye, with this code (1000: done; 1001: the tab was closed; 1005: none
    /// given).
    Closed(u16),
    /// The connection ended without a goodbye.
    Lost,
    /// The client broke the protocol, or the system reported an error.
    Failed(Error),
    /// No answer to a ping.
    Silent,
    /// The client stopped reading.
    Stuck,
    /// The server is being stopped.
    Stopped,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed(code) => write!(f, "closed ({code})"),
            Self::Lost => f.write_str("lost"),
            Self::Failed(error) => write!(f, "failed: {error}"),
            Self::Silent => f.write_str("silent: no answer to a ping"),
            Self::Stuck => f.write_str("stuck: it stopped reading"),
            Self::Stopped => f.write_str("stopped"),
        }
    }
}

/// Runs one connection until it ends: gives each text or binary message to `heard`, one after the
/// other, and sends what comes through `outbox`.
///
/// While `heard` works the next message is not read: a client that sends faster than it is served
/// is slowed down by TCP.
pub async fn converse<S>(
    socket: WebSocketStream<S>,
    mut outbox: Outbox,
    limits: &Limits,
    stop: &Event,
    heard: impl AsyncFnMut(Message),
) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut sender, mut receiver) = socket.split();
    let last_heard = Cell::new(Instant::now());
    let mailbox = outbox.mailbox();
    // All four are polled by this one task: when one is ready the others are dropped where they
    // wait.
    let end = select! {
        end = listen(&mut receiver, &last_heard, heard) => end,
        end = talk(&mut sender, &mut outbox, &last_heard, limits) => end,
        () = mailbox.shown_out() => End::Stuck,
        () = stop.wait() => End::Stopped,
    };
    let code = match &end {
        End::Closed(_) | End::Lost => return end,
        End::Failed(Error::Utf8(_)) => CloseCode::Invalid,
        End::Failed(Error::Capacity(_)) => CloseCode::Size,
        End::Failed(_) => CloseCode::Protocol,
        End::Silent | End::Stuck => CloseCode::Policy,
        End::Stopped => CloseCode::Away,
    };
    let goodbye = CloseFrame {
        code,
        reason: end.to_string().chars().take(60).collect::<String>().into(),
    };
    // Best effort: who did not read so far may not read this either.
    let _ = timeout(Duration::from_secs(1), async {
        sender.close(Some(goodbye)).await?;
        while receiver.next().await.transpose()?.is_some() {}
        Ok::<_, Error>(())
    })
    .await;
    end
}

/// Reads to the end.
async fn listen<S>(
    receiver: &mut WebSocketReceiver<S>,
    last_heard: &Cell<Instant>,
    mut heard: impl AsyncFnMut(Message),
) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut goodbye = None;
    while let Some(message) = receiver.next().await {
        last_heard.set(Instant::now());
        match message {
            Ok(message @ (Message::Text(_) | Message::Binary(_))) => heard(message).await,
            // tungstenite sends the answer with the next call, and ends the stream once it is out.
            Ok(Message::Close(frame)) => {
                goodbye = Some(frame.map_or(1005, |frame| frame.code.into()));
            }
            Ok(_) => {}
            Err(error) if is_loss(&error) => return End::Lost,
            Err(error) => return End::Failed(error),
        }
    }
    goodbye.map_or(End::Lost, End::Closed)
}

/// Sends what is to be sent, and a ping when nothing was heard for a while.
async fn talk<S>(
    sender: &mut WebSocketSender<S>,
    outbox: &mut Outbox,
    last_heard: &Cell<Instant>,
    limits: &Limits,
) -> End
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let period = limits.ping_every;
    let mut ticks = interval_at(Instant::now() + period, period);
    let mut asked: Option<Instant> = None;
    loop {
        let message = select! {
            message = outbox.receiver.recv() => match message {
                Some(message) => message,
                None => return End::Stuck, // cannot be: the outbox holds a mailbox itself
            },
            _ = wait_for_answer(asked, last_heard, limits) => return End::Silent,
            _ = ticks.tick() => {
                if last_heard.get().elapsed() < period {
                    asked = None;
                    continue;
                }
                asked.get_or_insert(Instant::now());
                Message::Ping(Bytes::new())
            }
        };
        let sent = timeout(limits.answer_within, async {
            sender.feed(message).await?;
            // What has gathered meanwhile goes out in the same write.
            while let Ok(message) = outbox.receiver.try_recv() {
                sender.feed(message).await?;
            }
            sender.flush().await
        });
        match sent.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) if is_loss(&error) => return End::Lost,
            Ok(Err(error)) => return End::Failed(error),
            Err(_) => return End::Stuck,
        }
    }
}

/// Ready when a ping stays without an answer for too long; anything that is heard is an answer.
async fn wait_for_answer(asked: Option<Instant>, last_heard: &Cell<Instant>, limits: &Limits) {
    let Some(asked) = asked else {
        return std::future::pending().await;
    };
    myrt::time::sleep_until(asked + limits.answer_within).await;
    if last_heard.get() > asked {
        std::future::pending::<()>().await;
    }
}

fn is_loss(error: &Error) -> bool {
    use async_tungstenite::tungstenite::error::ProtocolError;
    matches!(
        error,
        Error::ConnectionClosed
            | Error::AlreadyClosed
            | Error::Io(_)
            | Error::Protocol(
                ProtocolError::ResetWithoutClosingHandshake | ProtocolError::SendAfterClosing
            )
    )
}
