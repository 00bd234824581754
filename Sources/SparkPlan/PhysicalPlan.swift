package import Columnar

/// A relation whose rows a scan delivers. `QueryEngine.TableSource` is the executable refinement.
package protocol ScanRelation: Sendable {
    /// The columns a scan may ask for, by position.
    var schema: StructType { get }
    /// Columns that `SELECT *` leaves out, such as `_metadata.file_path`; their positions follow those of `schema`.
    var hiddenColumns: [StructField] { get }
    /// Rows expected, for the choice of a join's build side; nil when unknown.
    var estimatedRows: Int64? { get }
    /// What EXPLAIN prints.
    var explainName: String { get }
}

extension ScanRelation {
    package var hiddenColumns: [StructField] { [] }
    package var allFields: [StructField] { schema.fields + hiddenColumns }
}

package enum JoinType: String, Sendable, Hashable {
    case inner = "Inner", leftOuter = "LeftOuter", rightOuter = "RightOuter", fullOuter = "FullOuter"
    case leftSemi = "LeftSemi", leftAnti = "LeftAnti", cross = "Cross"
}

package enum BuildSide: Sendable, Hashable {
    case left, right
}

/// What runs. Each node's expressions refer to the columns of its input by position.
///
/// Row order that every execution must keep, whatever the number of threads: a scan delivers its tasks in order;
/// filter, project, limit and the probe side of a join keep the order of their input; union is its inputs one after
/// another; groups of an aggregate come in the order of their first row; sort is stable.
package indirect enum PhysicalPlan: Sendable {
    case scan(Scan)
    case values(Values)
    case filter(Expression, input: PhysicalPlan)
    case project([NamedExpression], input: PhysicalPlan)
    /// Output: the grouping values, then the aggregates. Without grouping there is exactly one row. DISTINCT is an
    /// aggregation without aggregates.
    case hashAggregate(HashAggregate)
    case hashJoin(HashJoin)
    /// With `limit`, only the first `limit` rows are wanted (top N).
    case sort([SortOrder], limit: Int64?, input: PhysicalPlan)
    case limit(count: Int64?, offset: Int64, input: PhysicalPlan)
    /// Inputs have equal column types.
    case union([PhysicalPlan])
    case window(Window)

    package struct Scan: Sendable {
        package var relation: any ScanRelation
        /// Positions in `relation.schema` followed by the hidden columns, in output order.
        package var columns: [Int]
        /// Conjuncts over `relation.schema` positions, for skipping only: a filter above repeats them.
        package var filters: [Expression]

        package init(relation: any ScanRelation, columns: [Int], filters: [Expression]) {
            self.relation = relation
            self.columns = columns
            self.filters = filters
        }
    }

    package struct Values: Sendable {
        package var schema: StructType
        package var rows: [[Scalar]]

        package init(schema: StructType, rows: [[Scalar]]) {
            self.schema = schema
            self.rows = rows
        }
    }

    package struct HashAggregate: Sendable {
        package var grouping: [NamedExpression]
        package var aggregates: [AggregateCall]
        /// As many as `aggregates`.
        package var aggregateNames: [String]
        package var input: PhysicalPlan

        package init(
            grouping: [NamedExpression], aggregates: [AggregateCall], aggregateNames: [String], input: PhysicalPlan
        ) {
            self.grouping = grouping
            self.aggregates = aggregates
            self.aggregateNames = aggregateNames
            self.input = input
        }
    }

    package struct HashJoin: Sendable {
        package var type: JoinType
        package var left: PhysicalPlan
        package var right: PhysicalPlan
        /// Equal in number and pairwise of one type; over the left and the right input's columns. A row with a NULL key
        /// matches nothing, unless the pair is in `nullSafeKeys`. Empty for a cross join or a join on other conditions.
        package var leftKeys: [Expression]
        package var rightKeys: [Expression]
        package var nullSafeKeys: Set<Int>
        /// Over the left columns followed by the right ones; part of the join's condition.
        package var residual: Expression?
        package var buildSide: BuildSide
        /// `NOT IN (subquery)`: a left-anti join for which a NULL key on either side means unknown, so no row.
        package var nullAware: Bool

        package init(
            type: JoinType, left: PhysicalPlan, right: PhysicalPlan, leftKeys: [Expression], rightKeys: [Expression],
            nullSafeKeys: Set<Int> = [], residual: Expression?, buildSide: BuildSide, nullAware: Bool = false
        ) {
            self.type = type
            self.left = left
            self.right = right
            self.leftKeys = leftKeys
            self.rightKeys = rightKeys
            self.nullSafeKeys = nullSafeKeys
            self.residual = residual
            self.buildSide = buildSide
            self.nullAware = nullAware
        }
    }

    /// Output: the input's columns, then one per function. Rows come out sorted by the partition expressions, then by
    /// the order.
    package struct Window: Sendable {
        package var partition: [Expression]
        package var order: [SortOrder]
        package var functions: [WindowCall]
        package var input: PhysicalPlan

        package init(partition: [Expression], order: [SortOrder], functions: [WindowCall], input: PhysicalPlan) {
            self.partition = partition
            self.order = order
            self.functions = functions
            self.input = input
        }
    }

    /// The columns delivered, in order.
    package var schema: StructType {
        switch self {
        case .scan(let scan):
            let fields = scan.relation.allFields
            return StructType(scan.columns.map { fields[$0] })
        case .values(let values): return values.schema
        case .filter(_, let input), .sort(_, _, let input), .limit(_, _, let input): return input.schema
        case .project(let list, let input):
            let fields = input.schema.fields
            return StructType(
                list.map { named in
                    var field = field(named.name, named.expression.dataType, nullable: named.expression.nullable)
                    if case .column(let index, _, _) = named.expression { field.metadata = fields[index].metadata }
                    return field
                })
        case .hashAggregate(let node):
            return StructType(
                node.grouping.map {
                    field($0.name, $0.expression.dataType, nullable: $0.expression.nullable)
                }
                    + zip(node.aggregates, node.aggregateNames).map {
                        field($1, $0.resultType, nullable: $0.nullable)
                    })
        case .hashJoin(let join):
            return StructType(join.type.outputFields(join.left.schema.fields, join.right.schema.fields))
        case .union(let inputs):
            var fields = inputs.first?.schema.fields ?? []
            for input in inputs.dropFirst() {
                for (index, other) in input.schema.fields.enumerated() where other.nullable && index < fields.count {
                    fields[index].nullable = true
                }
            }
            return StructType(fields)
        case .window(let window):
            return StructType(
                window.input.schema.fields
                    + window.functions.map { field($0.name, $0.resultType, nullable: $0.nullable) })
        }
    }
}

/// One window function over its partition's rows. `function` is `row_number`, `rank`, `dense_rank`, `percent_rank`,
/// `ntile`, `lag`, `lead`, or an aggregate (over the frame).
package struct WindowCall: Sendable, Hashable {
    package enum Frame: Sendable, Hashable {
        /// The whole partition.
        case partition
        /// From the partition's first row to the current row, with its peers (RANGE) or without (ROWS).
        case runningRange, runningRows
    }

    package var name: String
    package var function: FunctionName
    package var arguments: [Expression]
    package var frame: Frame
    package var resultType: DataType

    package init(
        name: String, function: FunctionName, arguments: [Expression], frame: Frame, resultType: DataType
    ) {
        self.name = name
        self.function = function
        self.arguments = arguments
        self.frame = frame
        self.resultType = resultType
    }
}

extension JoinType {
    /// The columns of a join: an outer side's become nullable, semi and anti joins have only the left ones.
    package func outputFields(_ left: [StructField], _ right: [StructField]) -> [StructField] {
        func optional(_ fields: [StructField]) -> [StructField] {
            fields.map { field in
                var copy = field
                copy.nullable = true
                return copy
            }
        }
        switch self {
        case .inner, .cross: return left + right
        case .leftOuter: return left + optional(right)
        case .rightOuter: return optional(left) + right
        case .fullOuter: return optional(left) + optional(right)
        case .leftSemi, .leftAnti: return left
        }
    }
}

func field(_ name: String, _ type: DataType, nullable: Bool) -> StructField {
    StructField(name, type, nullable: nullable)
}
