import OTLP

/// The attributes of a data point, by the numbers in its stream's key.
enum PointAttributes {
    /// In the order of their keys; those without a value are left out.
    static func attributes(
        of key: StreamKey, names: NameTable, configuration: ProfilingMetricsConfiguration
    ) -> [OTLPKeyValue] {
        let (first, second, third, fourth) = (
            names[key.names[0]], names[key.names[1]], names[key.names[2]], names[key.names[3]]
        )
        switch key.metric {
        case .kernel: return kernel(key.kernelClass) + text("syscall_name", first)
        case .native: return text("shlib_name", first)
        case .frameType: return text("frame_type", first) + text("profile.type_unit", third)
        case .classification:
            return text("classification", first) + text("frame_type", second) + text("profile.type_unit", third)
        case .customAggregation:
            // Today's key of the label is that of frame types; the 9.2 release had one that says what it is.
            return text(configuration.isLegacy ? "aggregation" : "frame_type", first)
                + text("profile.type_unit", third)
        case .cpuTime:
            return text("container.id", third) + text("process.executable.name", second) + pid(fourth)
                + text("thread.name", first)
        case .offCPUTime: return text("frame_type", second) + kernel(key.kernelClass) + text("syscall_name", first)
        case .functionTime: return text("frame_type", second) + text("function", first)
        case .stacks: return [OTLPKeyValue("stack.complete", .boolean(key.names[0] != 0))]
        default: return []
        }
    }

    private static func kernel(_ kernelClass: KernelClass) -> [OTLPKeyValue] {
        guard let attributes = kernelClass.attributes else { return [] }
        return text("kernel_area", attributes.area) + text("kernel_io", attributes.io)
            + text("kernel_proto", attributes.proto)
    }

    private static func text(_ key: String, _ value: String) -> [OTLPKeyValue] {
        value.isEmpty ? [] : [OTLPKeyValue(key, value)]
    }

    private static func pid(_ text: String) -> [OTLPKeyValue] {
        Int64(text).map { [OTLPKeyValue("process.pid", $0)] } ?? []
    }
}
