//! Sessions as a pickler writes them: the truth that the readers of pickles are compared with.

use std::collections::HashMap;

use crate::input::{Source, latin_1};

/// The name of the access time in a session, and other names that mean something to a reader.
const NAMES: [&str; 6] = ["_accessed_time", "session", "id", "_creation_time", "", "é"];

/// How deep values lie within each other, and how many items one of them has, at the most.
const DEEPEST: usize = 5;
const MOST_ITEMS: u8 = 6;

/// A value of a session.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    None,
    True,
    Int(i32),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    Tuple(Vec<Value>),
    Dict(Dict),
}

/// Keys and values in order. A key may come more than once: then the last value counts.
pub(crate) type Dict = Vec<(Value, Value)>;

impl Value {
    pub(crate) fn from(source: &mut Source<'_>) -> Self {
        Self::nested(source, DEEPEST)
    }

    fn nested(source: &mut Source<'_>, depth: usize) -> Self {
        match source.below(if depth == 0 { 8 } else { 11 }) {
            0 => Self::None,
            1 => Self::True,
            2 => Self::Int(i32::from(source.byte())),
            3 => Self::Int(i32::from_le_bytes([source.byte(), source.byte(), source.byte(), source.byte()])),
            4 => Self::Float(float(source)),
            5 => Self::Bytes(some_bytes(source)),
            6 => Self::Text(latin_1(&some_bytes(source))),
            7 => name(source),
            8 => Self::List(items(source, depth)),
            9 => Self::Tuple(items(source, depth)),
            _ => Self::Dict(dict(source, depth - 1)),
        }
    }
}

fn items(source: &mut Source<'_>, depth: usize) -> Vec<Value> {
    (0..source.below(MOST_ITEMS)).map(|_| Value::nested(source, depth - 1)).collect()
}

fn dict(source: &mut Source<'_>, depth: usize) -> Dict {
    let key = |source: &mut Source<'_>| match source.below(4) {
        0 => Value::Int(i32::from(source.byte())),
        1 => Value::Text(latin_1(&some_bytes(source))),
        _ => name(source),
    };
    (0..source.below(MOST_ITEMS)).map(|_| (key(source), Value::nested(source, depth))).collect()
}

fn name(source: &mut Source<'_>) -> Value {
    Value::Text(source.choose(&NAMES).unwrap_or_default().to_owned())
}

fn float(source: &mut Source<'_>) -> f64 {
    let mut bytes = [0; 8];
    bytes.fill_with(|| source.byte());
    f64::from_be_bytes(bytes)
}

fn some_bytes(source: &mut Source<'_>) -> Vec<u8> {
    // Beyond 255 a length is written otherwise.
    let count = usize::from(source.byte());
    source.bytes(count).repeat(1 + count / 200 * 100)
}

/// The outermost dict of a session, and how it is to be written.
pub(crate) fn session(source: &mut Source<'_>) -> (Style, Dict) {
    let style = Style { protocol: 2 + source.below(4), framed: source.byte().is_multiple_of(2) };
    (style, dict(source, DEEPEST))
}

/// How a pickle is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// 2 to 5.
    protocol: u8,
    /// Whether there is a frame around all of it, from protocol 4 on.
    framed: bool,
}

/// A pickle, and where in it the floats are that are values of the outermost dict.
pub(crate) struct Pickle {
    pub(crate) bytes: Vec<u8>,
    /// For each item of the dict the offset of its value's eight bytes, if it is a float.
    pub(crate) floats: Vec<Option<usize>>,
}

/// What CPython's pickler writes for a dict.
pub(crate) fn pickle(style: Style, dict: &Dict) -> Pickle {
    let mut pickler = Pickler { protocol: style.protocol, ..Pickler::default() };
    let floats = pickler.dict(dict);
    pickler.out.push(b'.');
    let body = pickler.out;
    let mut bytes = vec![0x80, style.protocol];
    if style.framed && style.protocol >= 4 {
        bytes.push(0x95);
        bytes.extend((body.len() as u64).to_le_bytes());
    }
    let head = bytes.len();
    bytes.extend(body);
    Pickle { bytes, floats: floats.into_iter().map(|at| Some(at? + head)).collect() }
}

#[derive(Default)]
struct Pickler {
    protocol: u8,
    out: Vec<u8>,
    /// Texts that were written, by their numbers. A pickler knows objects; equal texts are mostly one.
    texts: HashMap<String, u32>,
    memoized: u32,
}

impl Pickler {
    fn value(&mut self, value: &Value) {
        match value {
            Value::None => self.out.push(b'N'),
            Value::True => self.out.push(0x88),
            Value::Int(number) => match (u8::try_from(*number), u16::try_from(*number)) {
                (Ok(number), _) => self.out.extend([b'K', number]),
                (_, Ok(number)) => self.tagged(b'M', &number.to_le_bytes()),
                _ => self.tagged(b'J', &number.to_le_bytes()),
            },
            Value::Float(number) => self.tagged(b'G', &number.to_be_bytes()),
            Value::Text(text) => self.text(text),
            Value::Bytes(bytes) => self.bytes(bytes),
            Value::List(items) => {
                self.out.push(b']');
                self.memoize();
                match &items[..] {
                    [] => {}
                    [one] => {
                        self.value(one);
                        self.out.push(b'a');
                    }
                    many => self.marked(many, b'e'),
                }
            }
            Value::Tuple(items) => self.tuple(items),
            Value::Dict(dict) => drop(self.dict(dict)),
        }
    }

    fn tagged(&mut self, opcode: u8, operand: &[u8]) {
        self.out.push(opcode);
        self.out.extend(operand);
    }

    fn counted(&mut self, short: Option<u8>, long: u8, bytes: &[u8]) {
        match (short, u8::try_from(bytes.len())) {
            (Some(short), Ok(length)) => self.tagged(short, &[length]),
            _ => self.tagged(long, &u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_le_bytes()),
        }
        self.out.extend(bytes);
    }

    fn text(&mut self, text: &str) {
        if let Some(id) = self.texts.get(text) {
            match u8::try_from(*id) {
                Ok(id) => self.out.extend([b'h', id]),
                Err(_) => self.tagged(b'j', &id.to_le_bytes()),
            }
            return;
        }
        self.texts.insert(text.to_owned(), self.memoized);
        self.counted((self.protocol >= 4).then_some(0x8c), b'X', text.as_bytes());
        self.memoize();
    }

    fn bytes(&mut self, bytes: &[u8]) {
        if self.protocol == 2 {
            // As an opaque call, which has neither a memo nor the bytes in a row.
            self.out.extend(b"c_codecs\nencode\n");
            self.tuple(&[Value::Text(latin_1(bytes)), Value::Text("latin1".to_owned())]);
            self.out.push(b'R');
        } else {
            self.counted(Some(b'C'), b'B', bytes);
        }
        self.memoize();
    }

    fn tuple(&mut self, items: &[Value]) {
        match items {
            [] => return self.out.push(b')'),
            [_] | [_, _] | [_, _, _] => {
                items.iter().for_each(|item| self.value(item));
                self.out.push([0x85, 0x86, 0x87].get(items.len() - 1).copied().unwrap_or_default());
            }
            many => self.marked(many, b't'),
        }
        self.memoize();
    }

    fn marked(&mut self, items: &[Value], end: u8) {
        self.out.push(b'(');
        items.iter().for_each(|item| self.value(item));
        self.out.push(end);
    }

    fn dict(&mut self, items: &Dict) -> Vec<Option<usize>> {
        self.out.push(b'}');
        self.memoize();
        if items.len() > 1 {
            self.out.push(b'(');
        }
        let mut floats = Vec::new();
        for (key, value) in items {
            self.value(key);
            floats.push(matches!(value, Value::Float(_)).then_some(self.out.len() + 1));
            self.value(value);
        }
        match items.len() {
            0 => {}
            1 => self.out.push(b's'),
            _ => self.out.push(b'u'),
        }
        floats
    }

    fn memoize(&mut self) {
        let id = self.memoized;
        self.memoized += 1;
        match (self.protocol >= 4, u8::try_from(id)) {
            (true, _) => self.out.push(0x94),
            (false, Ok(id)) => self.out.extend([b'q', id]),
            (false, Err(_)) => self.tagged(b'r', &id.to_le_bytes()),
        }
    }
}
