//! Sends bytes as they are and reads what comes back.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long a request without an end is waited for.
const PATIENCE: Duration = Duration::from_millis(250);
/// How long one with an end is: an answer that takes longer is a failure of the test.
const DEADLINE: Duration = Duration::from_secs(30);

pub(crate) struct Client {
    address: SocketAddr,
    kept: Option<TcpStream>,
}

struct Response {
    status: u16,
    body: Vec<u8>,
    closes: bool,
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, kept: None }
    }

    /// Status and text of the answer; 0 when none came.
    pub(crate) async fn ask(&mut self, raw: &[u8], own: bool) -> (u16, String) {
        let kept = self.kept.take().filter(|_| !own);
        let exchange = async {
            let mut stream = match kept {
                Some(stream) => stream,
                None => TcpStream::connect(self.address).await?,
            };
            stream.set_nodelay(true)?;
            let response = exchange(&mut stream, raw).await?;
            io::Result::Ok((stream, response))
        };
        match tokio::time::timeout(if own { PATIENCE } else { DEADLINE }, exchange).await {
            Ok(Ok((stream, response))) => {
                if !own && !response.closes {
                    self.kept = Some(stream);
                }
                (response.status, text_of(&response))
            }
            Ok(Err(error)) => (0, format!("no answer: {error}")),
            Err(_) => (0, "no answer in time".into()),
        }
    }
}

async fn exchange(stream: &mut TcpStream, raw: &[u8]) -> io::Result<Response> {
    let (mut read, mut write) = stream.split();
    // An axon that refuses a large body answers before it has read it; writing on may fail then.
    let writing = async { write.write_all(raw).await.or(Ok(())) };
    let (written, response) = tokio::join!(writing, receive(&mut read));
    written.and(response)
}

async fn receive(read: &mut (impl AsyncReadExt + Unpin)) -> io::Result<Response> {
    let mut bytes = Vec::new();
    let head = loop {
        if let Some(end) = find(&bytes, b"\r\n\r\n") {
            break end + 4;
        }
        more(read, &mut bytes).await?;
    };
    let text = String::from_utf8_lossy(&bytes[..head]).to_ascii_lowercase();
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    let closes = field("connection:") == Some("close");
    let length: Option<usize> = field("content-length:").and_then(|length| length.parse().ok());
    let chunked = field("transfer-encoding:").is_some();
    let mut body = bytes.split_off(head);
    if let Some(length) = length {
        while body.len() < length {
            more(read, &mut body).await?;
        }
        // What came after it answers bytes that a short length left over.
        body.truncate(length);
    } else if chunked {
        while !body.ends_with(b"0\r\n\r\n") {
            more(read, &mut body).await?;
        }
        body = unchunk(&body);
    } else {
        while more(read, &mut body).await.is_ok() {}
    }
    Ok(Response { status, body, closes })
}

async fn more(read: &mut (impl AsyncReadExt + Unpin), bytes: &mut Vec<u8>) -> io::Result<()> {
    match read.read_buf(bytes).await? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        _ => Ok(()),
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = find(rest, b"\r\n") {
        let size = std::str::from_utf8(&rest[..end]).ok();
        let size = size.and_then(|text| usize::from_str_radix(text, 16).ok()).unwrap_or(0);
        let from = end + 2;
        if size == 0 || rest.len() < from + size + 2 {
            break;
        }
        whole.extend_from_slice(&rest[from..from + size]);
        rest = &rest[from + size + 2..];
    }
    whole
}

/// The completion of a synapse, the message of an error, or the text itself (a stream).
fn text_of(response: &Response) -> String {
    let text = String::from_utf8_lossy(&response.body).into_owned();
    let Ok(json) = serde_json::from_str::<serde_json::Value>(&text) else {
        return text;
    };
    let member = json.get(if response.status == 200 {
        "completion"
    } else {
        "message"
    });
    match member {
        Some(value) => value.as_str().map_or(text, str::to_owned),
        None if response.status == 200 => String::new(),
        None => text,
    }
}
