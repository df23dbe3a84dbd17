//! Where a monitor listens.
//!
//! Why: an address has its own ways to be wrong: open to others, taken, or left behind by a program
//! that was killed.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use super::Address;
use super::talk::Client;
use super::token::Token;

/// How many ports are tried where the one that the environment names is taken: one a core of a
/// large machine.
const NEAR: u16 = 128;

pub(super) enum Door {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

impl Door {
    pub(super) fn open(address: &str) -> io::Result<Self> {
        match path_of(address) {
            Some(path) => Ok(Self::Unix(bind(&path)?, path)),
            None => Self::open_tcp(&loopback(address)?),
        }
    }

    /// The same; or if that is taken, a port above it, or a path with a number behind it.
    pub(super) fn open_near(address: &str) -> io::Result<Self> {
        let first = match Self::open(address) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => error,
            opened => return opened,
        };
        for more in 1..NEAR {
            let opened = match path_of(address) {
                Some(path) => Self::open(&format!("unix:{}.{}", path.display(), more + 1)),
                None => Self::open_tcp(&raised(loopback(address)?, more)),
            };
            match opened {
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                Err(_) => break,
                opened => return opened,
            }
        }
        Err(first)
    }

    fn open_tcp(addresses: &[SocketAddr]) -> io::Result<Self> {
        TcpListener::bind(addresses).map(Self::Tcp)
    }

    pub(super) fn place(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(listener) => listener.local_addr().map(Address::Tcp),
            Self::Unix(_, path) => Ok(Address::Unix(path.clone())),
        }
    }

    pub(super) fn accept(&self) -> io::Result<Client> {
        match self {
            Self::Tcp(listener) => listener.accept().map(|(client, _)| Client::Tcp(client)),
            Self::Unix(listener, _) => listener.accept().map(|(client, _)| Client::Unix(client)),
        }
    }
}

/// The path of a Unix socket, if an address is one.
fn path_of(address: &str) -> Option<PathBuf> {
    match address.strip_prefix("unix:") {
        Some(path) => Some(path.into()),
        None => address.contains('/').then(|| address.into()),
    }
}

fn loopback(address: &str) -> io::Result<Vec<SocketAddr>> {
    let wrong = |message| io::Error::new(ErrorKind::InvalidInput, message);
    let unclear = |error| {
        let form = "an address is 127.0.0.1:50101 or unix:/path/of/socket";
        wrong(format!("{error}; {form}"))
    };
    let addresses: Vec<SocketAddr> = address.to_socket_addrs().map_err(unclear)?.collect();
    match addresses.iter().find(|address| !address.ip().is_loopback()) {
        Some(outside) => Err(wrong(format!(
            "the monitor listens on loopback or a Unix socket only, not on {outside}"
        ))),
        None => Ok(addresses),
    }
}

fn raised(mut addresses: Vec<SocketAddr>, by: u16) -> Vec<SocketAddr> {
    for address in &mut addresses {
        address.set_port(address.port().saturating_add(by));
    }
    addresses
}

/// Binds a path, also where a socket is left of a program that was killed.
fn bind(path: &Path) -> io::Result<UnixListener> {
    match bind_privately(path) {
        Err(error) if error.kind() == ErrorKind::AddrInUse && is_left(path) => {
            fs::remove_file(path)?;
            bind_privately(path)
        }
        bound => bound,
    }
}

/// Binds a path with mode 0600, whatever the umask, and at no moment with another mode: the umask
/// belongs to all threads, and between a bind and a chmod anybody could connect. So the socket is
/// made in a folder that only its owner may enter, and linked to its place when its mode is right.
fn bind_privately(path: &Path) -> io::Result<UnixListener> {
    let folder = PrivateFolder::beside(path)?;
    let socket = folder.socket();
    let listener = UnixListener::bind(&socket)?;
    fs::set_permissions(&socket, Permissions::from_mode(0o600))?;
    match fs::hard_link(&socket, path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Err(io::Error::from(ErrorKind::AddrInUse))
        }
        linked => linked.map(|()| listener),
    }
}

/// A new folder of mode 0700 for a socket; dropping this removes both.
struct PrivateFolder(PathBuf);

impl PrivateFolder {
    fn beside(path: &Path) -> io::Result<Self> {
        let digits = Token::new()?;
        // Short: the address of a socket has room for about a hundred bytes.
        let name = format!(".{}", &digits.as_str()[..8]);
        let folder = Self(path.with_file_name(name));
        DirBuilder::new().mode(0o700).create(&folder.0)?;
        // A umask may have taken from its owner, too.
        fs::set_permissions(&folder.0, Permissions::from_mode(0o700))?;
        Ok(folder)
    }

    fn socket(&self) -> PathBuf {
        self.0.join("s")
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.socket());
        let _ = fs::remove_dir(&self.0);
    }
}

/// Whether nobody listens there: then it is a socket, and what made it is gone.
fn is_left(path: &Path) -> bool {
    UnixStream::connect(path).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
        && fs::symlink_metadata(path).is_ok_and(|it| is_socket(&it))
}

fn is_socket(it: &fs::Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_socket(&it.file_type())
}

/// Makes the listening thread look up when the runtime has ended, and takes its name off the door.
pub(super) fn poke(place: &Address) {
    match place {
        Address::Tcp(address) => drop(TcpStream::connect(address)),
        Address::Unix(path) => {
            drop(UnixStream::connect(path));
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_runtime_of_a_program_takes_the_next_place() {
        let here = |door: &Door| match door.place().unwrap() {
            Address::Tcp(address) => address,
            Address::Unix(path) => panic!("not asked for {}", path.display()),
        };
        let first = Door::open("127.0.0.1:0").unwrap();
        let address = here(&first).to_string();
        let taken = Door::open(&address).map(drop).unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
        // A port may be the last one there is, or all above it be taken: then the first failure is
        // told.
        if let Ok(second) = Door::open_near(&address) {
            assert!(here(&second).port() > here(&first).port());
        }
        let name = format!("myrt-door-{}", std::process::id());
        let path = std::env::temp_dir().join(name).display().to_string();
        let doors = [(); 3].map(|()| match Door::open_near(&path).unwrap() {
            Door::Unix(listener, path) => (listener, path),
            Door::Tcp(_) => panic!("a path was asked for"),
        });
        let places = doors.each_ref().map(|(_, at)| at.display().to_string());
        assert_eq!(
            places,
            [path.clone(), format!("{path}.2"), format!("{path}.3")]
        );
        for (_, path) in doors {
            fs::remove_file(path).unwrap();
        }
    }
}
