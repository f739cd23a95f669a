//! The laws of every store, in fleets before, after and in the middle of the change.

mod that_hash_in_memory {
    use super::super::{Fixture, in_memory, switched};
    use crate::store::laws::laws;

    fn fixture() -> Fixture {
        in_memory(switched)
    }

    laws!(fixture);
}

mod that_hash_in_files {
    use super::super::{Fixture, in_files, switched};
    use crate::store::laws::laws;

    fn fixture() -> Fixture {
        in_files(true, switched)
    }

    laws!(fixture);
}

mod that_do_not_hash_in_memory {
    use super::super::{Fixture, in_memory, unswitched};
    use crate::store::laws::laws;

    fn fixture() -> Fixture {
        in_memory(unswitched)
    }

    laws!(fixture);
}

mod that_do_not_hash_in_files {
    use super::super::{Fixture, in_files, unswitched};
    use crate::store::laws::laws;

    fn fixture() -> Fixture {
        in_files(true, unswitched)
    }

    laws!(fixture);
}

mod of_both_in_memory {
    use super::super::{Fixture, in_memory, mixed};
    use crate::store::laws::laws;

    fn fixture() -> Fixture {
        in_memory(mixed).with_two_places()
    }

    laws!(fixture);
}

mod of_both_in_files {
    use super::super::{Fixture, in_files, mixed};
    use crate::store::laws::laws;

    fn fixture() -> Fixture {
        in_files(false, mixed).with_two_places()
    }

    laws!(fixture);
}
