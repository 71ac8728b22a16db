/// (name, text)
let rustNames: [(String, String)] = [
    (
        "_RINvCs6GmmlP4bgsG_1r2chKc61_Kb0_Kx4d_EB2_",
        "r::ch::<'a', false, 77>"
    ),
    (
        "_RINvCs6GmmlP4bgsG_1r3genReNCNvB2_4mains0_0EB2_",
        "r::gen::<&str, r::main::{closure#2}>"
    ),
    (
        "_RINvCs6GmmlP4bgsG_1r3genyNCNvB2_4mains_0EB2_",
        "r::gen::<u64, r::main::{closure#1}>"
    ),
    (
        "_RINvMNtCsgEmfK2I1SDS_4core6optionINtB3_6OptionINtNtNtB5_3num7nonzero7NonZerojEE6map_orINtNtB5_6result6ResultuBI_ENcNtB1m_3Err0ECs6GmmlP4bgsG_1r",
        "<core::option::Option<core::num::nonzero::NonZero<usize>>>::map_or::<core::result::Result<(), core::num::nonzero::NonZero<usize>>, core::result::Result<(), core::num::nonzero::NonZero<usize>>::Err>"
    ),
    (
        "_RINvNtCsgEmfK2I1SDS_4core3ptr13drop_in_placeINtNtCslNYArtu3iFV_5alloc5boxed3BoxDG0_INtNtNtB4_3ops8function2FnTRL1_INtNtCsjrHSEGnQ3l9_3std5panic13PanicHookInfoL0_EEEp6OutputuNtNtB4_6marker4SyncNtB2N_4SendEL_EEB1T_",
        "core::ptr::drop_in_place::<alloc::boxed::Box<dyn for<'a, 'b> core::ops::function::Fn<(&'a std::panic::PanicHookInfo<'b>,), Output = ()> + core::marker::Sync + core::marker::Send>>"
    ),
    (
        "_RNvMs3_NtCslNYArtu3iFV_5alloc7raw_vecINtB5_6RawVecTOhFUKCBN_EuENtNtCsjrHSEGnQ3l9_3std5alloc6SystemE8grow_oneB13_",
        "<alloc::raw_vec::RawVec<(*mut u8, unsafe extern \"C\" fn(*mut u8)), std::alloc::System>>::grow_one"
    ),
    (
        "_RINvNtCsgEmfK2I1SDS_4core3ptr13drop_in_placeINtNtCslNYArtu3iFV_5alloc3vec3VecINtNtBL_5boxed3BoxDINtNtNtB4_3ops8function6FnOnceuEp6OutputuNtNtB4_6marker4SendEL_EEECs6GmmlP4bgsG_1r",
        "core::ptr::drop_in_place::<alloc::vec::Vec<alloc::boxed::Box<dyn core::ops::function::FnOnce<(), Output = ()> + core::marker::Send>>>"
    ),
    (
        "_RINvNtCsgEmfK2I1SDS_4core3ptr13drop_in_placeINtNtCslNYArtu3iFV_5alloc3vec3VecINtNtBL_5boxed3BoxDINtNtNtB4_3ops8function6FnOnceuEp6OutputuNtNtB4_6marker4SendEL_EEECsjrHSEGnQ3l9_3std",
        "core::ptr::drop_in_place::<alloc::vec::Vec<alloc::boxed::Box<dyn core::ops::function::FnOnce<(), Output = ()> + core::marker::Send>>>"
    ),
    (
        "_RINvNtCsgEmfK2I1SDS_4core3ptr13drop_in_placeINtNtCslNYArtu3iFV_5alloc5boxed3BoxDINtNtNtB4_3ops8function6FnOnceuEp6OutputuNtNtB4_6marker4SendEL_EECs6GmmlP4bgsG_1r",
        "core::ptr::drop_in_place::<alloc::boxed::Box<dyn core::ops::function::FnOnce<(), Output = ()> + core::marker::Send>>"
    ),
    (
        "_RINvNtCsgEmfK2I1SDS_4core3ptr13drop_in_placeINtNtCslNYArtu3iFV_5alloc7raw_vec6RawVecINtNtBL_5boxed3BoxDINtNtNtB4_3ops8function6FnOnceuEp6OutputuNtNtB4_6marker4SendEL_EEECs6GmmlP4bgsG_1r",
        "core::ptr::drop_in_place::<alloc::raw_vec::RawVec<alloc::boxed::Box<dyn core::ops::function::FnOnce<(), Output = ()> + core::marker::Send>>>"
    ),
    (
        "_RNSNvYNCINvMs0_NtNtCsjrHSEGnQ3l9_3std4sync4onceNtBd_4Once9call_onceNCNvNtBh_2rt7cleanup0E0INtNtNtCsgEmfK2I1SDS_4core3ops8function6FnOnceTRNtBd_9OnceStateEE9call_once6vtableBh_",
        "<<std::sync::once::Once>::call_once<std::rt::cleanup::{closure#0}>::{closure#0} as core::ops::function::FnOnce<(&std::sync::once::OnceState,)>>::call_once::{shim:vtable#0}"
    ),
    (
        "_RNSNvYNCINvNtCsjrHSEGnQ3l9_3std2rt10lang_startuE0INtNtNtCsgEmfK2I1SDS_4core3ops8function6FnOnceuE9call_once6vtableCs6GmmlP4bgsG_1r",
        "<std::rt::lang_start<()>::{closure#0} as core::ops::function::FnOnce<()>>::call_once::{shim:vtable#0}"
    ),
    (
        "_RNSNvYNCINvNtNtCsjrHSEGnQ3l9_3std6thread9lifecycle15spawn_uncheckedNCNvCs6GmmlP4bgsG_1r4mains1_0uEs_0INtNtNtCsgEmfK2I1SDS_4core3ops8function6FnOnceuE9call_once6vtableB17_",
        "<std::thread::lifecycle::spawn_unchecked<r::main::{closure#3}, ()>::{closure#1} as core::ops::function::FnOnce<()>>::call_once::{shim:vtable#0}"
    ),
    (
        "_RNSNvYNCNCNvNtNtCsjrHSEGnQ3l9_3std3sys9backtrace10__print_fmts_00INtNtNtCsgEmfK2I1SDS_4core3ops8function6FnOnceTRNtNtNtBe_12backtrace_rs9symbolize6SymbolEE9call_once6vtableBe_",
        "<std::sys::backtrace::_print_fmt::{closure#1}::{closure#0} as core::ops::function::FnOnce<(&std::backtrace_rs::symbolize::Symbol,)>>::call_once::{shim:vtable#0}"
    ),
    (
        "_RINvMNtNtCsgEmfK2I1SDS_4core3fmt2rtNtB3_8Argument9new_debugThAsj3_EECs6GmmlP4bgsG_1r",
        "<core::fmt::rt::Argument>::new_debug::<(u8, [i16; 3])>"
    ),
    (
        "_RNCNvXCs6GmmlP4bgsG_1rINtB4_1AKj9_ThAsj3_EENtB4_2Tr2go0B4_",
        "<r::A<9, (u8, [i16; 3])> as r::Tr>::go::{closure#0}"
    ),
    (
        "_RNvXCs6GmmlP4bgsG_1rINtB2_1AKj9_ThAsj3_EENtB2_2Tr2goB2_",
        "<r::A<9, (u8, [i16; 3])> as r::Tr>::go"
    ),
    (
        "_RNvXs1G_NtCsgEmfK2I1SDS_4core3fmtThAsj3_ENtB6_5Debug3fmtCs6GmmlP4bgsG_1r",
        "<(u8, [i16; 3]) as core::fmt::Debug>::fmt"
    ),
    (
        "_RNvNtCs6GmmlP4bgsG_1ru9gre_6ka8iu8mig_5kay",
        "r::größe::mäßig"
    ),
    (
        "_RINvMsi_NtCsgvbsrvnw3yD_9hashbrown3rawINtB6_12RawIterRangeThINtNtCslNYArtu3iFV_5alloc3vec3VecINtNtB11_5boxed3BoxDNtNtCsgEmfK2I1SDS_4core6marker4SyncNtB1P_4SendEL_EEEE9next_implKb0_ECs6GmmlP4bgsG_1r",
        "<hashbrown::raw::RawIterRange<(u8, alloc::vec::Vec<alloc::boxed::Box<dyn core::marker::Sync + core::marker::Send>>)>>::next_impl::<false>"
    ),
    (
        "_RNvMNtCslNYArtu3iFV_5alloc5allocNtB2_6Global18alloc_impl_runtimeCs6GmmlP4bgsG_1r",
        "<alloc::alloc::Global>::alloc_impl_runtime"
    ),
    (
        "_RNvNvNtCsgEmfK2I1SDS_4core5slice20copy_from_slice_impl17len_mismatch_fail",
        "core::slice::copy_from_slice_impl::len_mismatch_fail"
    ),
    (
        "_RNvXs_NvMs_NtNtCslNYArtu3iFV_5alloc3ffi5c_strNtB9_7CString3newRShNtB4_11SpecNewImpl13spec_new_impl",
        "<&[u8] as <alloc::ffi::c_str::CString>::new::SpecNewImpl>::spec_new_impl"
    ),
    (
        "_RINvMsa_NtCsgvbsrvnw3yD_9hashbrown3rawNtB6_13RawTableInner13drop_elementsThINtNtCslNYArtu3iFV_5alloc3vec3VecINtNtB1g_5boxed3BoxDNtNtCsgEmfK2I1SDS_4core6marker4SyncNtB24_4SendEL_EEEECs6GmmlP4bgsG_1r",
        "<hashbrown::raw::RawTableInner>::drop_elements::<(u8, alloc::vec::Vec<alloc::boxed::Box<dyn core::marker::Sync + core::marker::Send>>)>"
    ),
    (
        "_RINvMsa_NtCsgvbsrvnw3yD_9hashbrown3rawNtB6_13RawTableInner16drop_inner_tableThINtNtCslNYArtu3iFV_5alloc3vec3VecINtNtB1j_5boxed3BoxDNtNtCsgEmfK2I1SDS_4core6marker4SyncNtB27_4SendEL_EEENtNtB1j_5alloc6GlobalECs6GmmlP4bgsG_1r",
        "<hashbrown::raw::RawTableInner>::drop_inner_table::<(u8, alloc::vec::Vec<alloc::boxed::Box<dyn core::marker::Sync + core::marker::Send>>), alloc::alloc::Global>"
    ),
    (
        "_RINvNtCsgEmfK2I1SDS_4core3ptr13drop_in_placeINtNtB4_4cell10UnsafeCellINtNtB4_6option6OptionINtNtB4_6result6ResultuINtNtCslNYArtu3iFV_5alloc5boxed3BoxDNtNtB4_3any3AnyNtNtB4_6marker4SendEL_EEEEECs6GmmlP4bgsG_1r",
        "core::ptr::drop_in_place::<core::cell::UnsafeCell<core::option::Option<core::result::Result<(), alloc::boxed::Box<dyn core::any::Any + core::marker::Send>>>>>"
    ),
    (
        "_RINvNtCsgEmfK2I1SDS_4core3ptr13drop_in_placeINtNtB4_6option6OptionINtNtB4_6result6ResultuINtNtCslNYArtu3iFV_5alloc5boxed3BoxDNtNtB4_3any3AnyNtNtB4_6marker4SendEL_EEEECs6GmmlP4bgsG_1r",
        "core::ptr::drop_in_place::<core::option::Option<core::result::Result<(), alloc::boxed::Box<dyn core::any::Any + core::marker::Send>>>>"
    ),
    (
        "_RINvMNtCsgEmfK2I1SDS_4core5sliceSh11copy_withinINtNtNtB5_3ops5range14RangeInclusivejEECsfEOYDRpO4Ta_11miniz_oxide",
        "<[u8]>::copy_within::<core::ops::range::RangeInclusive<usize>>"
    ),
    (
        "_RINvNtCsgEmfK2I1SDS_4core3ptr13drop_in_placeINtNtCslNYArtu3iFV_5alloc5boxed3BoxSNtNtBL_6string6StringEECsjrHSEGnQ3l9_3std",
        "core::ptr::drop_in_place::<alloc::boxed::Box<[alloc::string::String]>>"
    ),
    (
        "_RINvNtCsgEmfK2I1SDS_4core3ptr13drop_in_placeSINtNtCslNYArtu3iFV_5alloc5boxed3BoxDINtNtNtB4_3ops8function6FnOnceuEp6OutputuNtNtB4_6marker4SendEL_EECs6GmmlP4bgsG_1r",
        "core::ptr::drop_in_place::<[alloc::boxed::Box<dyn core::ops::function::FnOnce<(), Output = ()> + core::marker::Send>]>"
    ),
    (
        "_RINvNtCsgEmfK2I1SDS_4core3ptr13drop_in_placeSINtNtCslNYArtu3iFV_5alloc5boxed3BoxDINtNtNtB4_3ops8function6FnOnceuEp6OutputuNtNtB4_6marker4SendEL_EECsjrHSEGnQ3l9_3std",
        "core::ptr::drop_in_place::<[alloc::boxed::Box<dyn core::ops::function::FnOnce<(), Output = ()> + core::marker::Send>]>"
    ),
    (
        "_RNvXsq_NtCsgEmfK2I1SDS_4core3fmtONtNtB7_3ffi6c_voidNtB5_5Debug3fmtCsjrHSEGnQ3l9_3std",
        "<*mut core::ffi::c_void as core::fmt::Debug>::fmt"
    ),
    (
        "_RINvNtCsgEmfK2I1SDS_4core3ptr13drop_in_placeINtNvNtCsjrHSEGnQ3l9_3std2io17default_write_fmt7AdapterINtNtBL_6cursor6CursorQShEEEBN_",
        "core::ptr::drop_in_place::<std::io::default_write_fmt::Adapter<std::io::cursor::Cursor<&mut [u8]>>>"
    ),
    (
        "_RNSNvYNCNvNtNtCsjrHSEGnQ3l9_3std3sys9backtrace10__print_fmt0INtNtNtCsgEmfK2I1SDS_4core3ops8function6FnOnceTQNtNtB13_3fmt9FormatterNtNtNtBc_12backtrace_rs5types17BytesOrWideStringEE9call_once6vtableBc_",
        "<std::sys::backtrace::_print_fmt::{closure#0} as core::ops::function::FnOnce<(&mut core::fmt::Formatter, std::backtrace_rs::types::BytesOrWideString)>>::call_once::{shim:vtable#0}"
    ),
    (
        "_RNvXNvNtCsjrHSEGnQ3l9_3std2io17default_write_fmtINtB2_7AdapterINtNtB4_6cursor6CursorQShEENtNtCsgEmfK2I1SDS_4core3fmt5Write9write_strB6_",
        "<std::io::default_write_fmt::Adapter<std::io::cursor::Cursor<&mut [u8]>> as core::fmt::Write>::write_str"
    ),
    (
        "_RNvXs0_CsgY6Mt91CT9J_14rustc_demangleINtB5_21SizeLimitedFmtAdapterQNtNtCsgEmfK2I1SDS_4core3fmt9FormatterENtB15_5Write9write_strB5_",
        "<rustc_demangle::SizeLimitedFmtAdapter<&mut core::fmt::Formatter> as core::fmt::Write>::write_str"
    ),
]
