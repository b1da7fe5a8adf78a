//! Enumerations that have a word on the wire and a word in YAML.

/// Declares an enumeration with its Graph spelling and its YAML spelling.
///
/// Graph's enumerations evolve (contract section 1.8): a member that is not listed is kept as `Unknown`,
/// shown, and never written back.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $wire:literal / $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)+
            /// A member this version does not know, as it came over the wire.
            Unknown(String),
        }

        impl $name {
            /// The words that YAML may use, in the order they are offered in messages.
            pub const WORDS: &[&str] = &[$($word),+];

            /// Reads Graph's spelling; like the service it takes any case.
            pub fn from_wire(wire: &str) -> Self {
                match wire {
                    $($wire => Self::$variant,)+
                    $(_ if wire.eq_ignore_ascii_case($wire) => Self::$variant,)+
                    other => Self::Unknown(other.to_owned()),
                }
            }

            /// Graph's spelling.
            pub fn wire(&self) -> &str {
                match self {
                    $(Self::$variant => $wire,)+
                    Self::Unknown(wire) => wire,
                }
            }

            /// Whether this version does not know the member.
            pub fn is_unknown(&self) -> bool {
                matches!(self, Self::Unknown(_))
            }

            /// Reads the YAML spelling; `None` for a word that is not one of [`Self::WORDS`].
            pub fn from_word(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$variant),)+
                    _ => None,
                }
            }

            /// The YAML spelling; an unknown member is shown as it came.
            pub fn word(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Unknown(wire) => wire,
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.wire())
            }
        }
    };
}

pub(crate) use words;
