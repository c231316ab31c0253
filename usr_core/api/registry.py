"""The registry: namespaces, their columns, and the types that columns may have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usr_core.lazy_names import lazy_names

if TYPE_CHECKING:
    from usr_core.registry.document import RESERVED_NAMESPACES as RESERVED_NAMESPACES
    from usr_core.registry.document import NamespaceEntry as NamespaceEntry
    from usr_core.registry.document import Registry as Registry
    from usr_core.registry.errors import NamespaceDiffers as NamespaceDiffers
    from usr_core.registry.errors import RegistryMissing as RegistryMissing
    from usr_core.registry.errors import TypeSyntaxError as TypeSyntaxError
    from usr_core.registry.store import RegisterResult as RegisterResult
    from usr_core.registry.store import load_registry as load_registry
    from usr_core.registry.store import make_root as make_root
    from usr_core.registry.store import read_registry as read_registry
    from usr_core.registry.store import register_namespace as register_namespace
    from usr_core.registry.type_parser import parse_type as parse_type
    from usr_core.registry.type_parser import split_columns as split_columns
    from usr_core.registry.types import ColumnType as ColumnType
    from usr_core.registry.types import FixedSizeListType as FixedSizeListType
    from usr_core.registry.types import ListType as ListType
    from usr_core.registry.types import PrimitiveType as PrimitiveType
    from usr_core.registry.types import StructField as StructField
    from usr_core.registry.types import StructType as StructType
    from usr_core.registry.types import TimestampType as TimestampType
    from usr_core.registry.types import from_arrow as from_arrow
    from usr_core.registry.types import same_type as same_type
else:
    __getattr__, __all__ = lazy_names(
        __name__,
        {
            "usr_core.registry.document": "RESERVED_NAMESPACES NamespaceEntry Registry",
            "usr_core.registry.errors": "NamespaceDiffers RegistryMissing TypeSyntaxError",
            "usr_core.registry.store": "RegisterResult load_registry make_root read_registry register_namespace",
            "usr_core.registry.type_parser": "parse_type split_columns",
            "usr_core.registry.types": (
                "ColumnType FixedSizeListType ListType PrimitiveType StructField StructType TimestampType "
                "from_arrow same_type"
            ),
        },
    )
