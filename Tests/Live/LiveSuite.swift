import Testing

/// Everything that loads the machine and measures it runs one after the other.
@Suite(.serialized) enum LiveSuite {}
