/// What a transaction read and wants to change, as far as concurrent commits can contradict it.
package struct TransactionIntent: Sendable {
    /// It read all files (an overwrite); a blind append read none.
    package var readsWholeTable: Bool
    package var removedFiles: Set<FileKey>
    package var changesMetadata: Bool
    package var changesProtocol: Bool
    /// The application whose progress the transaction records.
    package var appId: String?

    package init(
        readsWholeTable: Bool, removedFiles: Set<FileKey> = [], changesMetadata: Bool = false,
        changesProtocol: Bool = false, appId: String? = nil
    ) {
        self.readsWholeTable = readsWholeTable
        self.removedFiles = removedFiles
        self.changesMetadata = changesMetadata
        self.changesProtocol = changesProtocol
        self.appId = appId
    }

    /// Whether the transaction can be committed after `winner`.
    ///
    /// - Throws: `DeltaError` with the exception that Delta raises. One's own `appId` among the winner's transactions is
    ///   for the caller to look at first: it means already done.
    /// - Source: PROTOCOL.md and Delta's `ConflictChecker`, isolation level Serializable.
    package func check(against winner: [Action], version: Int64) throws(DeltaError) {
        func conflict(_ code: DeltaError.Code, _ what: String) -> DeltaError {
            DeltaError(code, "\(what) by a concurrent transaction, version \(version).", tableVersion: version)
        }
        for action in winner {
            switch action {
            case .protocol: throw conflict(.protocolChanged, "The protocol of the table has been changed")
            case .metadata: throw conflict(.metadataChanged, "The metadata of the table has been changed")
            case .transaction(let transaction) where transaction.appId == appId:
                throw conflict(.concurrentTransaction, "The application '\(transaction.appId)' has been advanced")
            default: break
            }
        }
        for case .remove(let remove) in winner where removedFiles.contains(remove.key) {
            throw conflict(.concurrentDeleteDelete, "The file '\(remove.path)' has been removed")
        }
        guard readsWholeTable else { return }
        for action in winner {
            switch action {
            case .add(let add) where add.dataChange:
                throw conflict(.concurrentAppend, "Files were added to the table that this transaction read")
            case .remove(let remove):
                throw conflict(.concurrentDeleteRead, "The file '\(remove.path)' that this transaction read has been removed")
            default: break
            }
        }
    }
}
