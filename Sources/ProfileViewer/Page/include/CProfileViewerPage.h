#pragma once
#include <stddef.h>

/// A file of the page, as it lies in the program's read-only data.
struct page_file {
    /// Path below the server's root; "" is the page itself.
    const char *path;
    const char *content_type;
    const unsigned char *bytes;
    size_t size;
};

/// All files; a null path ends the list.
const struct page_file *profile_viewer_page_files(void);
